"""Write fundus-like photographs with masks, laid out like IDRiD."""

from hacdr.errors import InputError
from hacdr.synthetic import generate_dataset


def add_arguments(parser):
    parser.add_argument('-o', '--output', required=True, help='folder to create')
    parser.add_argument(
        '--train', type=int, default=32, help='training photographs (default: 32)'
    )
    parser.add_argument(
        '--test', type=int, default=8, help='test photographs (default: 8)'
    )
    parser.add_argument(
        '--size', default='720x480', help='WIDTHxHEIGHT in pixels (default: 720x480)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='same seed, same set (default: 0)'
    )
    parser.add_argument('--jobs', type=int, help='parallel processes (all cores)')


def run(args):
    size = _parse_size(args.size)
    generate_dataset(args.output, args.train, args.test, size, args.seed, args.jobs)
    print(
        f'wrote {args.train} training and {args.test} test photographs: {args.output}'
    )


def _parse_size(text):
    width, _, height = text.lower().partition('x')
    if not (width.isdecimal() and height.isdecimal()):
        raise InputError(f'--size is {text!r}, expected WIDTHxHEIGHT such as 720x480')
    return int(width), int(height)
