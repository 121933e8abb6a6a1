"""Time and weigh HACDR-Net side by side on several kernels of its convolution.

In one process, turn by turn, medians: single layers (ours, mmcv's operator,
torchvision's) and the whole network (training step, i.e. forward, loss and backward;
forward of the network fused for inference). The floor is the network with the offsets
computed and every deformable sampling replaced by a plain convolution. Peak memory is
that of a child process. The network has its full size, random weights and offsets of
two pixels (standard deviation).
"""

import argparse
import json
import logging
import multiprocessing
import os
import platform
import random
import statistics
import time
from contextlib import contextmanager
from pathlib import Path

from hacdr_cli import run

from hacdr.files import write_text

# name, channels, kernel, groups, deform groups, height and width
LAYERS = (
    ('depthwise 5x5', 32, (5, 5), 32, 1, 64),
    ('depthwise 5x5', 64, (5, 5), 64, 1, 32),
    ('dense 1x3, own offsets', 32, (1, 3), 1, 32, 64),
    ('dense 1x3, own offsets', 160, (1, 3), 1, 160, 16),
)
LAYER_GOALS = {0: (50, 100), 2: (9, 20)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--device', default='cpu', help="'cpu' (default) or 'cuda', any torch device"
    )
    parser.add_argument(
        '--sizes',
        nargs='+',
        type=parse_size,
        default=[(256, 256), (480, 720)],
        metavar='HxW',
        help='pictures of the whole network (default: 256x256 480x720)',
    )
    parser.add_argument(
        '--large',
        type=parse_size,
        default=(960, 1440),
        metavar='HxW',
        help='picture whose cost per pixel is compared (default: 960x1440)',
    )
    parser.add_argument('--repeats', type=int, default=5, help='default: 5')
    parser.add_argument(
        '--quick', action='store_true', help='layers and the smallest picture only'
    )
    parser.add_argument(
        '--profile',
        action='store_true',
        help='only show where the time of ours goes, at the smallest picture',
    )
    parser.add_argument('--json', type=Path, help='write all figures to this file')
    args = parser.parse_args()
    if args.repeats < 1:
        parser.error(f'--repeats must be at least 1, got {args.repeats}')

    import torch

    if args.profile:
        profile(args)
        return
    figures = {
        'machine': machine(torch, args.device),
        'layers': measure_layers(args),
        'network': measure_network(args),
    }
    if not args.quick:
        figures['memory'] = measure_memory(args)
        figures['pixel'] = measure_pixel(args)
    figures['goals'] = goals(figures, args)
    report(figures)
    if args.json:
        write_json(args.json, figures)


def parse_size(text):
    try:
        height, width = map(int, text.split('x'))
    except ValueError:
        raise argparse.ArgumentTypeError(f'expected HxW, got {text!r}') from None
    if min(height, width) < 64:
        raise argparse.ArgumentTypeError(f'expected at least 64x64, got {text!r}')
    return height, width


def machine(torch, device):
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


# --- what is compared -------------------------------------------------------------


@contextmanager
def kernel(name):
    """Let every MDConv run on one of our kernels, mmcv's operator or the floor."""
    from hacdr.models.layers import md_conv

    before, packed = (
        os.environ.get('HACDR_MDCONV'),
        md_conv.modulated_deform_conv2d_packed,
    )
    os.environ.pop('HACDR_MDCONV', None)
    if name == 'floor':
        md_conv.modulated_deform_conv2d_packed = floor_conv
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
    import torch

    class Attach(torch.autograd.Function):
        @staticmethod
        def forward(ctx, out, packed):
            ctx.save_for_backward(packed)
            ctx.mark_dirty(out)
            return out

        @staticmethod
        def backward(ctx, grad):
            return grad, torch.zeros_like(ctx.saved_tensors[0])

    out = torch.nn.functional.conv2d(x, weight, bias, stride, padding, dilation, groups)
    return Attach.apply(out, packed)


def make_network(device):
    """Return backbone and head of full size as one module, offsets of two pixels."""
    import torch

    from hacdr.models import HACDR, AdaptiveAggregationHead

    torch.manual_seed(0)
    backbone = HACDR(near_far_kernel=0)
    head = AdaptiveAggregationHead(
        [32, 64, 160, 256], 32, num_classes=5, align_corners=False
    )
    logging.getLogger('mmcv').setLevel(logging.WARNING)
    backbone.init_weights()
    network = torch.nn.Sequential(backbone, head)

    def hook(layer, inputs):
        with torch.no_grad():
            torch.nn.init.normal_(layer.conv_offset.weight)
            layer.conv_offset.weight.mul_(2 / layer.conv_offset(*inputs).std())

    layers = [m for m in network.modules() if hasattr(m, 'conv_offset')]
    hooks = [layer.register_forward_pre_hook(hook) for layer in layers]
    with torch.no_grad():
        network(torch.randn(1, 3, 256, 256))
    for handle in hooks:
        handle.remove()
    return network.to(device)


def training_step(network, picture):
    import torch

    network.zero_grad()
    logits = network(picture)
    target = torch.zeros_like(logits[:, 0], dtype=torch.long)
    torch.nn.functional.cross_entropy(logits, target).backward()


# --- measurements -----------------------------------------------------------------


def interleave(calls, repeats, device, label):
    """Return the median milliseconds of each call; a first round is not counted."""
    import torch
    from tqdm import tqdm

    times = {name: [] for name in calls}
    order = random.Random(0)
    with tqdm(total=(repeats + 1) * len(calls), desc=label, leave=False) as bar:
        for turn in range(repeats + 1):
            # Whoever follows the slowest finds cold caches: let chance say who does.
            for name, call in order.sample([*calls.items()], len(calls)):
                start = time.perf_counter()
                call()
                if torch.device(device).type == 'cuda':
                    torch.cuda.synchronize(device)
                if turn:
                    times[name].append(1000 * (time.perf_counter() - start))
                bar.update()
    return {name: statistics.median(values) for name, values in times.items()}


def measure_layers(args):
    import torch
    from mmcv.ops import modulated_deform_conv2d as mmcv_op
    from torchvision.ops import deform_conv2d

    from hacdr.ops import modulated_deform_conv2d

    def torchvision_op(x, offset, mask, weight, bias, stride, padding, dilation, *_):
        return deform_conv2d(x, offset, weight, bias, stride, padding, dilation, mask)

    rows = []
    for name, channels, size, groups, fields, side in LAYERS:
        torch.manual_seed(0)
        taps = size[0] * size[1]
        tensors = [
            torch.randn(1, channels, side, side),
            2 * torch.randn(1, 2 * fields * taps, side, side),
            torch.rand(1, fields * taps, side, side),
            torch.randn(channels, channels // groups, *size),
            torch.randn(channels),
        ]
        tensors = [t.to(args.device).requires_grad_() for t in tensors]
        geometry = (1, (size[0] // 2, size[1] // 2), 1, groups, fields)

        def call(op, forced=None, tensors=tensors, geometry=geometry):
            with kernel(forced or 'ours'):
                op(*tensors, *geometry).sum().backward()

        calls = {
            'ours': lambda call=call: call(modulated_deform_conv2d),
            'torch': lambda call=call: call(modulated_deform_conv2d, 'torch'),
            'mmcv': lambda call=call: call(mmcv_op),
            'torchvision': lambda call=call: call(torchvision_op),
        }
        times = interleave(calls, max(args.repeats, 11), args.device, name)
        rows.append({'layer': name, 'channels': channels, 'side': side, **times})
    return rows


def measure_network(args):
    import torch

    from hacdr.models import fuse_for_inference

    network = make_network(args.device)
    fused = fuse_for_inference(network)
    sizes = sorted(args.sizes)[: 1 if args.quick else None]
    rows = []
    for height, width in sizes:
        # Rounds of the smallest picture are short, and noisy.
        rounds = args.repeats * (5 if (height, width) == sizes[0] else 1)
        picture = torch.randn(1, 3, height, width, device=args.device)
        name = f'{height}x{width}'

        def step(which, picture=picture):
            with kernel(which):
                training_step(network.train(), picture)

        def forward(which, model, picture=picture):
            with kernel(which), torch.no_grad():
                model.eval()(picture)

        def bfloat16(picture=picture):
            with torch.autocast(picture.device.type, dtype=torch.bfloat16):
                forward('ours', fused)

        times = interleave(
            {
                which: lambda which=which, step=step: step(which)
                for which in ('ours', 'mmcv', 'floor')
            },
            rounds,
            args.device,
            f'training step {name}',
        )
        rows.append({'what': 'training step', 'size': name, **times})
        calls = {
            'ours, fused': lambda forward=forward: forward('ours', fused),
            'ours, bf16': bfloat16,
            'ours': lambda forward=forward: forward('ours', network),
            'mmcv': lambda forward=forward: forward('mmcv', network),
            'floor': lambda forward=forward: forward('floor', network),
        }
        times = interleave(calls, 3 * args.repeats, args.device, f'forward {name}')
        rows.append({'what': 'forward', 'size': name, **times})
    return rows


def measure_memory(args):
    height, width = max(args.sizes)
    result = {'size': f'{height}x{width}'}
    context = multiprocessing.get_context('spawn')
    for which in ('ours', 'mmcv', 'floor'):
        with context.Pool(1) as pool:
            task = which, args.device, height, width
            result[which] = pool.apply(peak_memory, task)
    return result


def peak_memory(which, device, height, width):
    """Return the peak memory of one training step in this process, in MiB."""
    import torch

    network = make_network(device).train()
    with kernel(which):
        training_step(network, torch.randn(1, 3, height, width, device=device))
    if torch.device(device).type == 'cuda':
        return torch.cuda.max_memory_allocated(device) / 2**20
    # Unlike getrusage's, this figure does not start with that of the parent process.
    lines = Path('/proc/self/status').read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith('VmHWM:'))
    return int(peak) / 2**10


def measure_pixel(args):
    import torch

    network = make_network(args.device).train()
    small, large = min(args.sizes), args.large
    pictures = [torch.randn(1, 3, *size, device=args.device) for size in (small, large)]
    calls = {
        f'{h}x{w}': lambda picture=picture: training_step(network, picture)
        for (h, w), picture in zip((small, large), pictures)
    }
    times = interleave(calls, args.repeats, args.device, 'cost per pixel')
    areas = [h * w for h, w in (small, large)]
    return {
        name: 1e6 * milliseconds / area
        for (name, milliseconds), area in zip(times.items(), areas)
    }


def profile(args):
    """Print the operations that take most of a training step and of a forward."""
    import torch
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    from hacdr.models import fuse_for_inference

    network = make_network(args.device).train()
    fused = fuse_for_inference(network)
    size = min(args.sizes)
    picture = torch.randn(1, 3, *size, device=args.device)

    def forward():
        with torch.no_grad():
            fused(picture)

    calls = {
        'training step': lambda: training_step(network, picture),
        'forward, fused': forward,
    }
    activities = [ProfilerActivity.CPU]
    if picture.is_cuda:
        activities.append(ProfilerActivity.CUDA)
    for name, call in calls.items():
        call()
        with record(activities=activities) as recorded:
            call()
        rows = recorded.key_averages()
        total = sum(row.self_cpu_time_total for row in rows)
        print(f'{name} {size[0]}x{size[1]}: share of the time')
        for row in sorted(rows, key=lambda row: -row.self_cpu_time_total)[:8]:
            share = 100 * row.self_cpu_time_total / total
            print(f'{share:>7.1f} %  {row.key[:60]}  ({row.count} calls)')


# --- report -----------------------------------------------------------------------


def goals(figures, args):
    """Return rows of (name, must, target, measured); ratios of medians."""
    rows = []
    for row in figures['network']:
        size = row['size']
        if row['what'] == 'training step':
            ratio = row['mmcv'] / row['ours']
            rows.append((f'training step {size}: mmcv / ours', '>= 8', '10', ratio))
            if size == '256x256':
                ratio = row['ours'] / row['floor']
                rows.append(
                    (f'training step {size}: ours / floor', '<= 1.25', '1.1', ratio)
                )
        else:
            ratio = row['mmcv'] / row['ours, fused']
            rows.append((f'forward {size}: mmcv / ours, fused', '>= 3', '4', ratio))
    for index, (must, target) in LAYER_GOALS.items():
        row = figures['layers'][index]
        name = f'{row["layer"]}, C {row["channels"]}, {row["side"]}x{row["side"]}'
        ratio = row['mmcv'] / row['ours']
        rows.append((f'{name}: mmcv / ours', f'>= {must}', str(target), ratio))
    if 'memory' in figures:
        memory = figures['memory']
        ratio = memory['ours'] / memory['mmcv']
        name = f'peak memory of a step {memory["size"]}: ours / mmcv'
        rows.append((name, '<= 1', '0.8', ratio))
    if 'pixel' in figures:
        (small, first), (large, second) = figures['pixel'].items()
        name = f'cost per pixel, {large} / {small}'
        rows.append((name, '0.75-1.25', '0.9-1.1', second / first))
    return rows


def report(figures):
    info = figures['machine']
    print(
        f'{info["processor"]}, {info["threads"]} threads, torch {info["torch"]}, '
        f'Python {info["python"]}; batch 1, medians, ms'
    )
    print('\nlayer, forward and backward')
    names = ('ours', 'torch', 'mmcv', 'torchvision')
    print(f'{"":<24}{"C":>5}{"side":>6}' + ''.join(f'{name:>12}' for name in names))
    for row in figures['layers']:
        times = ''.join(f'{row[name]:>12.1f}' for name in names)
        print(f'{row["layer"]:<24}{row["channels"]:>5}{row["side"]:>6}{times}')
    print('\nnetwork')
    names = ('ours, fused', 'ours, bf16', 'ours', 'mmcv', 'floor')
    print(f'{"":<24}' + ''.join(f'{name:>11}' for name in names))
    for row in figures['network']:
        times = ''.join(
            f'{row[name]:>11.0f}' if name in row else f'{"":>11}' for name in names
        )
        print(f'{row["what"] + " " + row["size"]:<24}{times}')
    if 'memory' in figures:
        memory = figures['memory']
        sizes = ', '.join(
            f'{name} {memory[name]:.0f}' for name in ('ours', 'mmcv', 'floor')
        )
        print(f'\npeak memory of a training step {memory["size"]}, MiB: {sizes}')
    if 'pixel' in figures:
        costs = ', '.join(f'{size} {us:.0f}' for size, us in figures['pixel'].items())
        print(f'training step, ns a pixel: {costs}')
    print(f'\n{"goal":<50}{"must":>10}{"target":>9}{"measured":>10}')
    for name, must, target, measured in figures['goals']:
        print(f'{name:<50}{must:>10}{target:>9}{measured:>10.2f}')


def write_json(path, figures):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(figures, indent=1))


if __name__ == '__main__':
    run(main)
