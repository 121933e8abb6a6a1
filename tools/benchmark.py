"""Time single layers: our modulated deformable convolution against mmcv's operator.

Both run in this process, turn by turn; the medians and their ratio are printed.
"""

import argparse
import statistics
import time

from hacdr.cli import run

# name, channels, kernel, groups, deform groups, height and width
LAYERS = (
    ('5x5 depthwise, shared offsets', 32, (5, 5), 32, 1, 64),
    ('5x5 depthwise, shared offsets', 64, (5, 5), 64, 1, 32),
    ('1x3 dense, own offsets', 32, (1, 3), 1, 32, 64),
    ('1x3 dense, own offsets', 160, (1, 3), 1, 160, 16),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--repeats', type=int, default=15, help='default: 15')
    parser.add_argument('--quick', action='store_true', help='five repeats')
    args = parser.parse_args()
    repeats = 5 if args.quick else args.repeats

    import torch
    from mmcv.ops import modulated_deform_conv2d as mmcv_op

    from hacdr.ops import modulated_deform_conv2d as our_op

    print(
        f'torch {torch.__version__}, {torch.get_num_threads()} threads, '
        f'forward and backward, medians of {repeats}'
    )
    print(f'{"layer":<32}{"C":>5}{"size":>7}{"mmcv ms":>10}{"ours ms":>10}{"ratio":>8}')
    for name, channels, kernel, groups, fields, size in LAYERS:
        torch.manual_seed(0)
        taps = kernel[0] * kernel[1]
        tensors = [
            torch.randn(1, channels, size, size),
            2 * torch.randn(1, 2 * fields * taps, size, size),
            torch.rand(1, fields * taps, size, size),
            torch.randn(channels, channels // groups, *kernel),
            torch.randn(channels),
        ]
        tensors = [tensor.requires_grad_() for tensor in tensors]
        padding = tuple(k // 2 for k in kernel)
        times = {mmcv_op: [], our_op: []}
        # The first round warms up and is not counted.
        for turn in range(repeats + 1):
            for op, seconds in times.items():
                start = time.perf_counter()
                op(*tensors, 1, padding, 1, groups, fields).sum().backward()
                if turn:
                    seconds.append(time.perf_counter() - start)
        theirs, ours = (1000 * statistics.median(s) for s in times.values())
        print(
            f'{name:<32}{channels:>5}{size:>7}{theirs:>10.1f}{ours:>10.1f}'
            f'{theirs / ours:>8.1f}'
        )


if __name__ == '__main__':
    run(main)
