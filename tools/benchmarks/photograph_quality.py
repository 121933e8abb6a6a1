"""How often each warning about a photograph is wrong, and how often it is missing.

Takes a folder of good photographs (docs/images.md: the training photographs of IDRiD),
spoils each of them in several ways, and prints a Markdown table: of the photographs and
of each kind of spoilt copies, the part that each warning is raised for. Copies are made
at a longer side of 1440. With ``--others``, images of another kind in one row more.
"""

import argparse
from collections import Counter
from pathlib import Path

from hacdr_cli import run

import cv2
import numpy as np

from hacdr.images import find_images, read_photograph
from hacdr.preprocess.quality import assess_photograph
from hacdr.preprocess.resize import fit_size

CODES = (
    'no_field_of_view',
    'not_fundus',
    'cut_off',
    'small',
    'grey',
    'red_and_blue_swapped',
    'underexposed',
    'overexposed',
    'blurred',
)
# Median diameter of the field of view of IDRiD's training photographs at 1440 pixels.
TRAINED_DIAMETER = 1145


def blur(sigma):
    return lambda p: cv2.GaussianBlur(p, (0, 0), sigma)


def move(length):
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1 / length
    return lambda p: cv2.filter2D(p, -1, kernel)


def expose(gain):
    return lambda p: cv2.convertScaleAbs(p, alpha=gain)


def crop(top, bottom, left, right):
    """Keep a window, given in parts of height and width."""

    def keep(p):
        height, width = p.shape[:2]
        rows = slice(int(top * height), int(bottom * height))
        return p[rows, int(left * width) : int(right * width)].copy()

    return keep


def enlarge(times):
    def resize(p):
        size = p.shape[1::-1]
        reduced = cv2.resize(
            p, fit_size(size, max(size) // times), interpolation=cv2.INTER_AREA
        )
        return cv2.resize(reduced, size, interpolation=cv2.INTER_CUBIC)

    return resize


def compress(quality):
    return lambda p: cv2.imdecode(
        cv2.imencode('.jpg', p, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1
    )


# What to do, and the warning it should raise, None for none.
SPOILERS = {
    'reduced to 1440 pixels': (lambda p: p, None),
    'JPEG of quality 30': (compress(30), None),
    'reduced to 800 pixels': (
        lambda p: cv2.resize(p, fit_size(p.shape[1::-1], 800)),
        'small',
    ),
    'blurred, sigma 1': (blur(1), 'blurred'),
    'blurred, sigma 2': (blur(2), 'blurred'),
    'blurred, sigma 4': (blur(4), 'blurred'),
    'moved by 9 pixels': (move(9), 'blurred'),
    'moved by 21 pixels': (move(21), 'blurred'),
    'enlarged from 720 pixels': (enlarge(2), 'blurred'),
    'enlarged from 360 pixels': (enlarge(4), 'blurred'),
    'light x 0.5': (expose(0.5), 'underexposed'),
    'light x 0.35': (expose(0.35), 'underexposed'),
    'light x 0.2': (expose(0.2), 'underexposed'),
    'light x 1.5': (expose(1.5), 'overexposed'),
    'light x 2': (expose(2), 'overexposed'),
    'light x 3': (expose(3), 'overexposed'),
    'grey': (lambda p: cv2.cvtColor(p[..., 1], cv2.COLOR_GRAY2BGR), 'grey'),
    'red and blue swapped': (lambda p: p[..., ::-1].copy(), 'red_and_blue_swapped'),
    'left third cut off': (crop(0, 1, 0.35, 1), 'cut_off'),
    'a quarter of it': (crop(0.5, 1, 0.5, 1), 'cut_off'),
    'cropped inside the eye': (crop(0.25, 0.75, 0.35, 0.65), 'no_field_of_view'),
    'black': (lambda p: (p // 100).copy(), 'no_field_of_view'),
}


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('folder', type=Path, help='good photographs')
    parser.add_argument('--others', type=Path, help='images that are none')
    parser.add_argument('--every', type=int, default=1, help='take every Nth of them')
    return parser.parse_args()


def main():
    args = parse_args()
    paths = find_images(args.folder)[:: args.every]
    raised = {name: Counter() for name in ('as they are', *SPOILERS)}
    for path in paths:
        photograph = read_photograph(path)
        raised['as they are'].update(warn(photograph))
        size = fit_size(photograph.shape[1::-1], 1440)
        reduced = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)
        for name, (spoil, _) in SPOILERS.items():
            raised[name].update(warn(spoil(reduced)))
    print(f'{len(paths)} photographs\n')
    print('| | ' + ' | '.join(CODES) + ' | any |')
    print('| --- |' + ' --- |' * (len(CODES) + 1))
    for name, counts in raised.items():
        print_row(name, counts, len(paths), SPOILERS.get(name, (None, None))[1])
    if args.others:
        others = [*find_images(args.others)]
        counts = Counter()
        for path in others:
            counts.update(warn(read_photograph(path)))
        print_row(f'{len(others)} other images', counts, len(others), None)


def warn(photograph):
    """Return the codes that are raised, and 'any' if there are some."""
    codes = {
        code for code, _ in assess_photograph(photograph, TRAINED_DIAMETER).warnings
    }
    return codes | ({'any'} if codes else set())


def print_row(name, counts, total, expected):
    cells = [
        (f'**{100 * counts[code] / total:.0f} %**' if code == expected else '')
        or (f'{100 * counts[code] / total:.0f} %' if counts[code] else '')
        for code in (*CODES, 'any')
    ]
    print(f'| {name} | ' + ' | '.join(cells) + ' |', flush=True)


if __name__ == '__main__':
    run(main)
