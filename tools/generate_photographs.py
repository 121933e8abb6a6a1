"""Write fundus-like photographs with lesion masks, laid out like raw IDRiD."""

import argparse

from hacdr_cli import run


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument('-o', '--output', required=True, help='folder to create')
    parser.add_argument('--train', type=int, default=32, help='training photographs')
    parser.add_argument('--test', type=int, default=8, help='test photographs')
    parser.add_argument('--size', default='720x480', help='WIDTHxHEIGHT in pixels')
    parser.add_argument('--seed', type=int, default=0, help='same seed, same set')
    parser.add_argument('--jobs', type=int, help='parallel processes (all cores)')
    return parser.parse_args()


def parse_size(text):
    from hacdr.errors import InputError

    width, _, height = text.lower().partition('x')
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f'--size is {text!r}, expected WIDTHxHEIGHT such as 720x480')
    return int(width), int(height)


def main():
    args = parse_args()
    from hacdr.datasets.conversion.generated import generate_dataset

    size = parse_size(args.size)
    generate_dataset(args.output, args.train, args.test, size, args.seed, args.jobs)
    print(
        f'wrote {args.train} training and {args.test} test photographs: {args.output}'
    )


if __name__ == '__main__':
    run(main)
