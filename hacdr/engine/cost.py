"""What a network costs: parameters, arithmetic, time, memory."""

import copy
import resource
import statistics
import time
from functools import partial

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv.parallel import collate
from mmseg.core import build_optimizer
from mmseg.datasets import build_dataset
from mmseg.utils import build_dp, get_device
from torch.utils.flop_counter import FlopCounterMode

from hacdr.engine.config import build_network
from hacdr.models import MDConv

# Interpolation between four corners, and the mask.
MULTIPLY_ADDS_PER_SAMPLE = 5
# Predictions of which the median time is taken, after one that is not counted.
REPEATS = 3


def measure_cost(cfg):
    """Measure a config's network on its own data.

    Call it in a process of its own: on a CPU the peak memory is that of the process.

    Args:
        cfg (mmcv.Config): a checked config.

    Returns:
        dict: 'parameters'; 'input_size', (height, width) of the network's input for
        the first validation photograph; 'multiply_adds' of it (see
        :func:`count_multiply_adds`); 'seconds_per_photograph', network and resizing to
        the photograph's size, without loading; 'training_bytes', peak memory of two
        training iterations, optimizer included: of the process on a CPU, allocated by
        torch on a GPU.
    """
    device = get_device()
    model = build_network(cfg)
    model.init_weights()
    parallel = build_dp(model, device, device_ids=[0])
    training_bytes = _training_bytes(parallel, cfg, device)
    batch = collate([build_dataset(cfg.data.val, dict(test_mode=True))[0]], 1)
    input_size = tuple(batch['img'][0].shape[2:])
    return {
        'parameters': sum(p.numel() for p in model.parameters()),
        'input_size': input_size,
        'multiply_adds': count_multiply_adds(model, input_size),
        'seconds_per_photograph': _seconds_per_photograph(parallel, batch, device),
        'training_bytes': training_bytes,
    }


def count_multiply_adds(model, size):
    """Count the multiplications with addition of one prediction.

    As papers and mmcv count "FLOPs": convolutions, matrix products and attention, a
    multiplication with its addition once; normalisation, activation and interpolation
    not. A modulated deformable convolution counts as its offset predictor, the plain
    convolution of its kernel, and five for each sample that it takes (four corners and
    the mask).

    Args:
        model (nn.Module): a segmentor of mmseg, left as it is.
        size (tuple[int]): height and width of the network's input.

    Returns:
        int: of one image.
    """
    # Newer versions of torch count by hooks that views of parameters break.
    model = copy.deepcopy(model).to('meta').eval().requires_grad_(False)
    samples = []
    for module in model.modules():
        if isinstance(module, MDConv):
            module.forward = partial(_plain_forward, module, samples)
        elif isinstance(module, nn.MultiheadAttention):
            # In evaluation mode it would be one operation that nobody counts.
            module.train()
            module.dropout = 0.0
    divisor = model.test_cfg.get('size_divisor', 1)
    height, width = (side + -side % divisor for side in size)
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        maps = model.extract_feat(torch.empty(1, 3, height, width, device='meta'))
        model.decode_head.forward(maps)
    return counter.get_total_flops() // 2 + MULTIPLY_ADDS_PER_SAMPLE * sum(samples)


def _plain_forward(conv, samples, x):
    conv.conv_offset(x)
    out = F.conv2d(
        x, conv.weight, conv.bias, conv.stride, conv.padding, conv.dilation, conv.groups
    )
    taps = conv.kernel_size[0] * conv.kernel_size[1]
    samples.append(x.shape[0] * x.shape[1] * taps * out.shape[2] * out.shape[3])
    return out


def _training_bytes(parallel, cfg, device):
    dataset = build_dataset(cfg.data.train)
    size = cfg.data.get('samples_per_gpu', 1)
    optimizer = build_optimizer(parallel, copy.deepcopy(cfg.optimizer))
    parallel.train()
    for _ in range(2):
        batch = collate([dataset[i % len(dataset)] for i in range(size)], size)
        optimizer.zero_grad()
        parallel.train_step(batch, optimizer)['loss'].backward()
        optimizer.step()
    if device == 'cuda':
        return torch.cuda.max_memory_allocated()
    # Linux counts in KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _seconds_per_photograph(parallel, batch, device):
    parallel.eval()
    seconds = []
    for _ in range(1 + REPEATS):
        began = time.perf_counter()
        with torch.no_grad():
            parallel(return_loss=False, rescale=True, **batch)
        if device == 'cuda':
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])
