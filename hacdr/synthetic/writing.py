"""Generated photographs on disk, in the layout in which IDRiD is downloaded."""

import os
import struct
import zlib
from functools import partial

import cv2
import numpy as np

from hacdr.conversion import idrid
from hacdr.conversion.building import new_folder
from hacdr.errors import InputError
from hacdr.parallel import for_each

from .anatomy import draw_eye
from .lesions import draw_lesions
from .painting import paint
from .vessels import draw_vessels

SMALLEST_WIDTH = 320
PHOTOGRAPHS = os.path.join(idrid.PART, idrid.PHOTOGRAPHS)
MASKS = os.path.join(idrid.PART, idrid.MASKS)


def generate_photograph(index, split='train', size=(720, 480), seed=0):
    """Draw one photograph of an eye with diabetic retinopathy.

    The same arguments give the same photograph; another ``size`` of the same
    proportions gives the same eye.

    Args:
        index (int): which photograph of the split, from 0.
        split (str): 'train' or 'test'.
        size (tuple[int]): width and height in pixels.
        seed (int): of the whole set, not negative.

    Returns:
        tuple: photograph, uint8 (height, width, 3) RGB; masks, dict of bool
        (height, width) by lesion.

    Raises:
        InputError: size too small or not between 1:1 and 2:1, unknown split,
            negative index or seed.
    """
    _check_size(size)
    if split not in ('train', 'test'):
        raise InputError(f"split is {split!r}, expected 'train' or 'test'")
    if index < 0 or seed < 0:
        raise InputError(f'index {index}, seed {seed}: expected 0 or more')
    part = ('train', 'test').index(split)
    # One stream for each job: a change in one does not reshuffle the others.
    streams = [
        np.random.default_rng((seed, part, index, stream)) for stream in range(4)
    ]
    # Of two neighbours one has soft exudates, so that half of any set has.
    first = np.random.default_rng((seed, part, index // 2)).integers(2)
    eye = draw_eye(streams[0], size[1] / size[0])
    vessels = draw_vessels(streams[1], eye)
    spots = draw_lesions(streams[2], eye, vessels, index % 2 == first)
    return paint(streams[3], eye, vessels, spots, size)


def generate_dataset(output, train=32, test=8, size=(720, 480), seed=0, jobs=None):
    """Write a set of generated photographs in IDRiD's layout as downloaded.

    Training photographs are numbered from 1, test photographs from 55 as in
    IDRiD (or after the last training photograph, if there are more than 54).
    As there, a lesion that a photograph does not have has no mask file. The
    folder appears complete or not at all.

    Args:
        output (str): folder to create; may exist if it is empty.
        train (int): number of training photographs.
        test (int): number of test photographs.
        size (tuple[int]): width and height in pixels.
        seed (int): not negative; the same seed gives the same set.
        jobs (int, optional): parallel processes; default all cores.

    Raises:
        InputError: bad numbers or size, or ``output`` holds something.
    """
    _check_size(size)
    if train < 0 or test < 0 or train + test == 0:
        raise InputError(
            f'{train} training and {test} test photographs, expected at least one'
        )
    if seed < 0:
        raise InputError(f'seed is {seed}, expected 0 or more')
    output = os.path.abspath(output)
    if os.path.exists(output) and (not os.path.isdir(output) or os.listdir(output)):
        raise InputError(f'{output} exists and is not an empty folder')

    with new_folder(output) as building:
        _write_all(str(building), train, test, size, seed, jobs)


def _check_size(size):
    width, height = size
    if width < SMALLEST_WIDTH or not width <= 2 * height <= 2 * width:
        raise InputError(
            f'size is {width}x{height}, expected at least {SMALLEST_WIDTH} pixels '
            f'wide and proportions between 1:1 and 2:1'
        )


def _write_all(folder, train, test, size, seed, jobs):
    for subset in idrid.SUBSET_FOLDERS.values():
        os.makedirs(os.path.join(folder, PHOTOGRAPHS, subset))
        for lesion in idrid.LESION_FOLDERS.values():
            os.makedirs(os.path.join(folder, MASKS, subset, lesion))
    after = max(*idrid.OFFICIAL['train'], train)
    tasks = [('train', index, index + 1) for index in range(train)]
    tasks += [('test', index, after + index + 1) for index in range(test)]
    write = partial(_write_one, folder, size, seed)
    for_each(write, tasks, jobs, 'drawing')


def _write_one(folder, size, seed, task):
    split, index, number = task
    image, masks = generate_photograph(index, split, size, seed)
    subset = idrid.SUBSET_FOLDERS[split]
    name = f'IDRiD_{number:02d}'
    # 90 is about the quality at which IDRiD itself is stored.
    _, encoded = cv2.imencode('.jpg', image[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, 90))
    encoded.tofile(os.path.join(folder, PHOTOGRAPHS, subset, name + '.jpg'))
    for code, mask in masks.items():
        if mask.any():
            lesion = idrid.LESION_FOLDERS[code]
            path = os.path.join(folder, MASKS, subset, lesion, f'{name}_{code}.tif')
            with open(path, 'wb') as file:
                file.write(encode_mask(mask))


def encode_mask(mask):
    """Encode a mask as IDRiD's are: TIFF, one bit a pixel, palette black and red.

    Neither OpenCV nor Pillow can write this kind, hence the few lines here
    (TIFF 6.0, deflate compression, one strip).

    Args:
        mask (ndarray): bool (height, width).

    Returns:
        bytes: the file.
    """
    height, width = mask.shape
    strip = zlib.compress(np.packbits(mask, axis=1).tobytes())
    palette = struct.pack('<6H', 0, 65535, 0, 0, 0, 0)
    data_at = 8 + len(palette)
    entries = (
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 1),  # bits a sample
        (259, 3, 1, 8),  # deflate
        (262, 3, 1, 3),  # palette colour
        (273, 4, 1, data_at),
        (277, 3, 1, 1),  # samples a pixel
        (278, 4, 1, height),
        (279, 4, 1, len(strip)),
        (320, 3, 6, 8),  # the palette follows the header
    )
    padding = b'\0' * (len(strip) % 2)
    directory = struct.pack('<H', len(entries))
    # Little-endian: a short in a four-byte field is the field's low half.
    directory += b''.join(struct.pack('<HHII', *entry) for entry in entries)
    header = struct.pack('<2sHI', b'II', 42, data_at + len(strip) + len(padding))
    return header + palette + strip + padding + directory + struct.pack('<I', 0)
