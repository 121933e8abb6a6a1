"""What the benchmarks of the network compare: kernels, the floor, and how to time them.

The floor is the network with the offsets computed and every deformable sampling
replaced by a plain convolution: what remains when sampling costs nothing.
"""

import json
import logging
import os
import platform
import random
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d
from tqdm import tqdm

from hacdr.files import write_text
from hacdr.models.layers import md_conv
from hacdr.ops import modulated_deform_conv2d


def machine(device):
    """Return what a reader must know to compare figures with his own."""
    if torch.device(device).type == 'cuda':
        processor = torch.cuda.get_device_name(device)
    else:
        lines = Path('/proc/cpuinfo').read_text().splitlines()
        names = [line.split(':')[1].strip() for line in lines if 'model name' in line]
        processor = names[0] if names else platform.processor()
    return {
        'processor': processor,
        'threads': torch.get_num_threads(),
        'torch': torch.__version__,
        'python': platform.python_version(),
    }


# --- kernels ----------------------------------------------------------------------


@contextmanager
def kernel(name):
    """Let every MDConv run on 'ours', a stand-in, or a kernel by HACDR_MDCONV."""
    before = os.environ.get('HACDR_MDCONV')
    packed = md_conv.modulated_deform_conv2d_packed
    os.environ.pop('HACDR_MDCONV', None)
    if name in STAND_INS:
        md_conv.modulated_deform_conv2d_packed = STAND_INS[name]
    elif name != 'ours':
        os.environ['HACDR_MDCONV'] = name
    try:
        yield
    finally:
        md_conv.modulated_deform_conv2d_packed = packed
        os.environ.pop('HACDR_MDCONV', None)
        if before is not None:
            os.environ['HACDR_MDCONV'] = before


def floor_conv(
    x, packed, weight, bias, stride, padding, dilation, groups, deform_groups
):
    """Plain convolution; the offsets' predictor has a backward pass all the same."""
    out = F.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return _Attach.apply(out, packed)


class _Attach(torch.autograd.Function):
    @staticmethod
    def forward(ctx, out, packed):
        ctx.save_for_backward(packed)
        ctx.mark_dirty(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        return grad, torch.zeros_like(ctx.saved_tensors[0])


def torchvision_conv(
    x, packed, weight, bias, stride, padding, dilation, groups, deform_groups
):
    """torchvision's operator, in float32 as its own autocast runs it."""
    split = packed.shape[1] // 3 * 2
    offset, mask = packed[:, :split], packed[:, split:].sigmoid()
    tensors = (t.float() for t in (x, offset, weight, bias))
    with torch.autocast(x.device.type, enabled=False):
        out = deform_conv2d(*tensors, stride, padding, dilation, mask.float())
    return out.to(x.dtype)


STAND_INS = {'floor': floor_conv, 'torchvision': torchvision_conv}


def other_operators(device):
    """Return who else's operators run on a device: torchvision's, mmcv's if it can."""
    x, offset, mask = (
        torch.zeros(1, channels, 4, 4, device=device) for channels in (1, 18, 9)
    )
    try:
        with kernel('mmcv'):
            modulated_deform_conv2d(x, offset, mask, x[:, :, 1:, 1:], padding=1)
    except Exception:
        # Plain mmcv has no operators, and who stands in for them says so his own way.
        return ['torchvision']
    return ['torchvision', 'mmcv']


# --- the network ------------------------------------------------------------------


def make_network(device):
    """Return backbone and head of full size as one module, offsets of two pixels."""
    from hacdr.models import HACDR, AdaptiveAggregationHead

    torch.manual_seed(0)
    backbone = HACDR(near_far_kernel=0)
    head = AdaptiveAggregationHead(
        [32, 64, 160, 256], 32, num_classes=5, align_corners=False
    )
    logging.getLogger('mmcv').setLevel(logging.WARNING)
    backbone.init_weights()
    network = torch.nn.Sequential(backbone, head)
    spread_offsets(network, torch.randn(1, 3, 256, 256))
    return network.to(device)


def spread_offsets(network, picture):
    """Give all offsets a standard deviation of two pixels on ``picture``.

    Args:
        network (callable): a module with MDConv layers.
        picture (Tensor): its input.
    """

    def hook(layer, inputs):
        with torch.no_grad():
            torch.nn.init.normal_(layer.conv_offset.weight)
            layer.conv_offset.weight.mul_(2 / layer.conv_offset(*inputs).std())

    layers = [m for m in network.modules() if hasattr(m, 'conv_offset')]
    hooks = [layer.register_forward_pre_hook(hook) for layer in layers]
    with torch.no_grad():
        network(picture)
    for handle in hooks:
        handle.remove()


# --- time -------------------------------------------------------------------------


def interleave(calls, repeats, device, label, seconds=None, queued=False):
    """Time calls turn by turn; a first round is not counted.

    Args:
        calls (dict[str, callable]): name -> call without arguments.
        repeats (int): how many rounds count.
        device (str): where they run. A GPU's own clock is read there.
        label (str): for the progress bar.
        seconds (float, optional): after this time three counted rounds are enough.
        queued (bool): on a GPU, let each call wait in the queue until it is there as
            a whole, so that the time is that of the GPU alone.

    Returns:
        dict[str, float]: the median milliseconds of each.
    """
    times = {name: [] for name in calls}
    delay = dict.fromkeys(calls, 0.0)
    order = random.Random(0)
    began = time.monotonic()
    total = (repeats + 1) * len(calls)
    with tqdm(total=total, desc=label, leave=False, disable=None) as bar:
        for turn in range(repeats + 1):
            if seconds and turn > 3 and time.monotonic() - began > seconds:
                break
            # Whoever follows the slowest finds cold caches: let chance say who does.
            for name, call in order.sample([*calls.items()], len(calls)):
                taken, issued = time_call(call, device, queued and delay[name])
                delay[name] = 1.5 * issued
                if turn:
                    times[name].append(taken)
                bar.update()
    return {name: statistics.median(values) for name, values in times.items()}


def time_call(call, device, delay=0.0):
    """Time one call.

    Args:
        call (callable): takes no argument.
        device (str): where it runs.
        delay (float): seconds that a GPU is kept busy before, up to 0.05.

    Returns:
        tuple[float, float]: milliseconds it took, and seconds until the caller was
        free again.
    """
    if torch.device(device).type != 'cuda':
        start = time.perf_counter()
        call()
        seconds = time.perf_counter() - start
        return 1000 * seconds, seconds
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    if delay:
        # In clock cycles, of which GPUs do about two in a nanosecond.
        torch.cuda._sleep(int(2e9 * min(delay, 0.05)))
    start = time.perf_counter()
    first.record()
    call()
    last.record()
    seconds = time.perf_counter() - start
    torch.cuda.synchronize(device)
    return first.elapsed_time(last), seconds


def write_json(path, figures):
    """Write figures to a file, which appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(figures, indent=1))
