"""Compare ways to reduce lesion masks: what is lost, merged, shrunk or swollen.

Prints a Markdown table for a converted data set. A component is lost where the
smaller mask has no pixel that it touches, and merged where it shares a component of
the smaller mask with another one.
"""

import argparse
from functools import partial
from pathlib import Path

from hacdr_cli import run

import cv2
import numpy as np

from hacdr.conversion import layout, merging
from hacdr.errors import InputError
from hacdr.images import read_map
from hacdr.lesions import LESIONS, lesion_plane
from hacdr.parallel import for_each
from hacdr.preprocess.maps import reduce_bits
from hacdr.preprocess.resize import fit_size


def nearest(mask, size):
    """What mmcv's resize does to label maps."""
    copy = cv2.resize(mask.view(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    return copy.astype(bool)


def max_pool(mask, size):
    """Any part of a pixel makes it lesion."""
    return cv2.resize(mask.astype(float), size, interpolation=cv2.INTER_AREA) > 1e-9


def half(mask, size):
    """At least half of a pixel makes it lesion."""
    return cv2.resize(mask.astype(float), size, interpolation=cv2.INTER_AREA) >= 0.5


def half_kept(mask, size):
    """The same, and a pixel of every lesion is kept: what the converters do."""
    return reduce_bits(mask.view(np.uint8), size)[0] > 0


METHODS = {
    'nearest': nearest,
    'max-pool': max_pool,
    'half': half,
    'half, kept': half_kept,
}


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', help='converted data set at its original size')
    parser.add_argument('--max-side', type=int, default=1440, help='longer side')
    parser.add_argument('--subset', default='train', help='train or test')
    parser.add_argument('--jobs', type=int, default=1, help='processes')
    return parser.parse_args()


def touched(components, size):
    """Which pixels of the copy each component touches, two arrays."""
    rows, columns = np.nonzero(components)
    found = []
    for y in (rows * size[1], (rows + 1) * size[1] - 1):
        for x in (columns * size[0], (columns + 1) * size[0] - 1):
            pixel = y // components.shape[0] * size[0] + x // components.shape[1]
            found.append(np.stack([components[rows, columns], pixel]))
    return np.unique(np.concatenate(found, axis=1), axis=1)


def compare(root, max_side, image):
    """Count in one photograph.

    Returns:
        dict: (method, lesion) -> np.ndarray of four: components, lost, merged, pixels
        of the reduced mask in pixels of the large one.
    """
    path = root / layout.mask_path(image['subset'], image['name'])
    bits = read_map(path)
    size = fit_size(bits.shape[::-1], max_side)
    scale = bits.size / (size[0] * size[1])
    counts = {}
    for bit, lesion in enumerate(LESIONS):
        mask = lesion_plane(bits, bit)
        components, number = merging.label_components(mask)
        owner, pixel = touched(components, size)
        for name, method in METHODS.items():
            copy = method(mask, size)
            copied = merging.label_components(copy)[0].ravel()[pixel]
            lost = number - len(np.unique(owner[copied > 0]))
            links = np.unique(np.stack([copied, owner])[:, copied > 0], axis=1)
            sharing = np.bincount(links[0])[links[0]] > 1
            merged = len(np.unique(links[1, sharing]))
            counts[name, lesion] = np.array([number, lost, merged, copy.sum() * scale])
            counts['drawn', lesion] = np.array([number, 0, 0, mask.sum()])
    return counts


def main():
    args = parse_args()
    manifest = layout.read_current_manifest(args.root)
    if manifest['max_side'] is not None:
        raise InputError(f'{args.root}: is reduced, expected photographs at full size')
    images = [i for i in manifest['images'] if i['subset'] == args.subset]
    if not images:
        raise InputError(f'{args.root}: no photographs of {args.subset}')
    work = partial(compare, Path(args.root), args.max_side)
    counts = for_each(work, images, args.jobs, 'comparing')
    total = {key: sum(count[key] for count in counts) for key in counts[0]}
    print(f'{len(images)} photographs, longer side {args.max_side}\n')
    print('| lesion | components | | ' + ' | '.join(METHODS) + ' |')
    print('| --- | --- | --- |' + ' --- |' * len(METHODS))
    for lesion in LESIONS:
        number, _, _, pixels = total['drawn', lesion]
        columns = np.array([total[name, lesion] for name in METHODS])
        rows = {
            'lost': [f'{n:.0f}' for n in columns[:, 1]],
            'merged': [f'{n:.0f}' for n in columns[:, 2]],
            'area': [f'{100 * (n / pixels - 1):+.1f} %' for n in columns[:, 3]],
        }
        for row, values in rows.items():
            print(f'| {lesion} | {number:.0f} | {row} | {" | ".join(values)} |')


if __name__ == '__main__':
    run(main)
