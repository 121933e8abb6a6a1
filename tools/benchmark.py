"""Time and weigh HACDR-Net side by side on several kernels of its convolution.

In one process, turn by turn, medians: single layers (ours, mmcv's operator,
torchvision's) and the whole network (training step, i.e. forward, loss and backward;
forward of the network fused for inference). The floor is the network with the offsets
computed and every deformable sampling replaced by a plain convolution. Peak memory is
that of a child process. The network has its full size, random weights and offsets of
two pixels (standard deviation). Where mmcv has no operators torchvision's take their
place.

On a GPU the layers and the network of configs/hacdr_idrid.py at sizes of its own
(benchmarks/gpu.py).
"""

import argparse
import json
import multiprocessing
from pathlib import Path

from hacdr_cli import run

# name, channels, kernel, groups, deform groups, height and width
LAYERS = (
    ('depthwise 5x5', 32, (5, 5), 32, 1, 64),
    ('depthwise 5x5', 64, (5, 5), 64, 1, 32),
    ('dense 1x3, own offsets', 32, (1, 3), 1, 32, 64),
    ('dense 1x3, own offsets', 160, (1, 3), 1, 160, 16),
)
LAYER_GOALS = {0: (50, 100), 2: (9, 20)}
LAYER_COLUMNS = ('ours', 'torch', 'mmcv', 'torchvision')
NETWORK_COLUMNS = ('ours, fused', 'ours, bf16', 'ours', 'mmcv', 'torchvision', 'floor')


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog='Two trainings on the same cores: tools/benchmarks/busy_cores.py.',
    )
    parser.add_argument(
        '--device', default='cpu', help="'cpu' (default) or 'cuda', any torch device"
    )
    parser.add_argument(
        '--sizes',
        nargs='+',
        type=parse_size,
        metavar='HxW',
        help='pictures of the whole network (default: 256x256 480x720)',
    )
    parser.add_argument(
        '--large',
        type=parse_size,
        metavar='HxW',
        help='picture whose cost per pixel is compared (default: 960x1440)',
    )
    parser.add_argument(
        '--repeats', type=int, help='rounds; default: 5, on a GPU 11 (--quick: 5)'
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help='layers and the smallest picture only',
    )
    parser.add_argument(
        '--profile',
        action='store_true',
        help='only show where the time of ours goes, at the smallest picture',
    )
    parser.add_argument('--json', type=Path, help='write all figures to this file')
    on_gpu = parser.add_argument_group('on a GPU')
    on_gpu.add_argument(
        '--compile',
        type=float,
        default=0,
        metavar='SECONDS',
        help='try torch.compile too, for so long (default: not at all)',
    )
    on_gpu.add_argument(
        '--dry-run',
        action='store_true',
        help='run all that runs on a GPU once, at tiny sizes, on any device',
    )
    on_gpu.add_argument(
        '--table',
        type=Path,
        metavar='JSON',
        help='only print what --json wrote on a GPU, in Markdown',
    )
    args = parser.parse_args()
    if args.repeats is not None and args.repeats < 1:
        parser.error(f'--repeats must be at least 1, got {args.repeats}')
    if args.table:
        from benchmarks import gpu

        print(gpu.format_markdown(json.loads(args.table.read_text())))
        return
    if args.device.startswith('cuda') or args.dry_run:
        if args.sizes or args.large:
            parser.error('--sizes and --large are for the CPU; on a GPU they are fixed')
        if args.profile:
            parser.error('--profile is for the CPU; on a GPU --json lists the kernels')
        from benchmarks import gpu

        gpu.benchmark(args)
        return
    args.sizes = args.sizes or [(256, 256), (480, 720)]
    args.large = args.large or (960, 1440)
    args.repeats = args.repeats or 5

    from benchmarks.compared import machine, other_operators, write_json

    if args.profile:
        profile(args)
        return
    args.other = other_operators(args.device)[-1]
    figures = {
        'machine': machine(args.device),
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


def training_step(network, picture):
    import torch

    network.zero_grad()
    logits = network(picture)
    target = torch.zeros_like(logits[:, 0], dtype=torch.long)
    torch.nn.functional.cross_entropy(logits, target).backward()


# --- measurements -----------------------------------------------------------------


def measure_layers(args):
    import torch
    from benchmarks.compared import interleave, kernel
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
            'torchvision': lambda call=call: call(torchvision_op),
        }
        if args.other == 'mmcv':
            calls['mmcv'] = lambda call=call: call(modulated_deform_conv2d, 'mmcv')
        times = interleave(calls, max(args.repeats, 11), args.device, name)
        rows.append({'layer': name, 'channels': channels, 'side': side, **times})
    return rows


def measure_network(args):
    import torch
    from benchmarks.compared import interleave, kernel, make_network

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
                for which in ('ours', args.other, 'floor')
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
            args.other: lambda forward=forward: forward(args.other, network),
            'floor': lambda forward=forward: forward('floor', network),
        }
        times = interleave(calls, 3 * args.repeats, args.device, f'forward {name}')
        rows.append({'what': 'forward', 'size': name, **times})
    return rows


def measure_memory(args):
    height, width = max(args.sizes)
    result = {'size': f'{height}x{width}'}
    context = multiprocessing.get_context('spawn')
    for which in ('ours', args.other, 'floor'):
        with context.Pool(1) as pool:
            task = which, args.device, height, width
            result[which] = pool.apply(peak_memory, task)
    return result


def peak_memory(which, device, height, width):
    """Return the peak memory of one training step in this process, in MiB."""
    import torch
    from benchmarks.compared import kernel, make_network

    network = make_network(device).train()
    with kernel(which):
        training_step(network, torch.randn(1, 3, height, width, device=device))
    # Unlike getrusage's, this figure does not start with that of the parent process.
    lines = Path('/proc/self/status').read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith('VmHWM:'))
    return int(peak) / 2**10


def measure_pixel(args):
    import torch
    from benchmarks.compared import interleave, make_network

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
    from benchmarks.compared import make_network
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
    for name, call in calls.items():
        call()
        with record(activities=[ProfilerActivity.CPU]) as recorded:
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
    rows, other = [], args.other
    for row in figures['network']:
        size = row['size']
        if row['what'] == 'training step':
            ratio = row[other] / row['ours']
            rows.append((f'training step {size}: {other} / ours', '>= 8', '10', ratio))
            if size == '256x256':
                ratio = row['ours'] / row['floor']
                rows.append(
                    (f'training step {size}: ours / floor', '<= 1.25', '1.1', ratio)
                )
        else:
            ratio = row[other] / row['ours, fused']
            rows.append((f'forward {size}: {other} / ours, fused', '>= 3', '4', ratio))
    for index, (must, target) in LAYER_GOALS.items():
        row = figures['layers'][index]
        name = f'{row["layer"]}, C {row["channels"]}, {row["side"]}x{row["side"]}'
        ratio = row[other] / row['ours']
        rows.append((f'{name}: {other} / ours', f'>= {must}', str(target), ratio))
    if 'memory' in figures:
        memory = figures['memory']
        ratio = memory['ours'] / memory[other]
        name = f'peak memory of a step {memory["size"]}: ours / {other}'
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
    names = [name for name in LAYER_COLUMNS if name in figures['layers'][0]]
    print(f'{"":<24}{"C":>5}{"side":>6}' + ''.join(f'{name:>12}' for name in names))
    for row in figures['layers']:
        times = ''.join(f'{row[name]:>12.1f}' for name in names)
        print(f'{row["layer"]:<24}{row["channels"]:>5}{row["side"]:>6}{times}')
    print('\nnetwork')
    forward = figures['network'][1]
    names = [name for name in NETWORK_COLUMNS if name in forward]
    print(f'{"":<24}' + ''.join(f'{name:>12}' for name in names))
    for row in figures['network']:
        times = ''.join(
            f'{row[name]:>12.0f}' if name in row else f'{"":>12}' for name in names
        )
        print(f'{row["what"] + " " + row["size"]:<24}{times}')
    if 'memory' in figures:
        memory = figures['memory']
        sizes = ', '.join(
            f'{name} {size:.0f}' for name, size in memory.items() if name != 'size'
        )
        print(f'\npeak memory of a training step {memory["size"]}, MiB: {sizes}')
    if 'pixel' in figures:
        costs = ', '.join(f'{size} {us:.0f}' for size, us in figures['pixel'].items())
        print(f'training step, ns a pixel: {costs}')
    print(f'\n{"goal":<56}{"must":>10}{"target":>9}{"measured":>10}')
    for name, must, target, measured in figures['goals']:
        print(f'{name:<56}{must:>10}{target:>9}{measured:>10.2f}')


if __name__ == '__main__':
    run(main)
