"""TIFF: its tags, and which kinds of it are read right.

Pillow reads up to 8 bits a channel. Of more it gives up 8 in colour, and OpenCV reads
these, but some kinds wrong without a word; what neither reads right is refused.
"""

from __future__ import annotations

import io
from typing import BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

STARTS = b'II*\0', b'MM\0*', b'II+\0', b'MM\0+'
# Tags; those of Exif are the same, and Pillow has no name for ORIENTATION before 9.4.
KIND_OF_IMAGE, IMAGE_WIDTH, IMAGE_LENGTH = 0x00FE, 0x0100, 0x0101
BITS_PER_SAMPLE, PHOTOMETRIC, ORIENTATION = 0x0102, 0x0106, 0x0112
PLANAR_CONFIGURATION, EXTRA_SAMPLES, SAMPLE_FORMAT = 0x011C, 0x0152, 0x0153
# Values of theirs.
REDUCED = 1
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = 0, 1, 2, 3
INTERLEAVED = 1
STRAIGHT_ALPHA = 2
UNSIGNED, FLOAT = 1, 3
# Bits, kind of numbers, photometric, channels.
READ_KINDS = {
    (*numbers, *layout)
    for numbers in ((16, UNSIGNED), (32, FLOAT), (64, FLOAT))
    for layout in ((BLACK_IS_ZERO, 1), (RGB, 3), (RGB, 4))
}


def read_tiff_tags(file: BinaryIO) -> ImageFileDirectory_v2:
    """Read the tags of a TIFF's first image, also where Pillow does not decode it.

    Args:
        file (BinaryIO): anywhere.

    Returns:
        PIL.TiffImagePlugin.ImageFileDirectory_v2: tag -> value; ``next`` is where the
        tags of the next image are, 0 where there is none.

    Raises:
        Exception: of many kinds, where it is damaged.
    """
    file.seek(0)
    start = file.read(8)
    if b'+' in start[2:4]:
        # The larger header of BigTIFF.
        start += file.read(8)
    tags = ImageFileDirectory_v2(start)
    file.seek(tags.next)
    tags.load(file)
    return tags


def is_deep_tiff(data: bytes) -> bool:
    """Tell whether a TIFF has other channels than of up to 8 bits, unsigned.

    Args:
        data (bytes): content of the file.
    """
    tags = read_tiff_tags(io.BytesIO(data))
    bits, formats = _bits(tags), {*tags.get(SAMPLE_FORMAT, (UNSIGNED,))}
    return max(bits) > 8 or formats != {UNSIGNED}


def check_deep_tiff(data: bytes) -> None:
    """Refuse a deep TIFF that OpenCV does not read, or reads wrong.

    Args:
        data (bytes): content of the file.

    Raises:
        ValueError: of another kind than READ_KINDS.
    """
    tags = read_tiff_tags(io.BytesIO(data))
    bits, formats = {*_bits(tags)}, {*tags.get(SAMPLE_FORMAT, (UNSIGNED,))}
    channels = len(_bits(tags))
    photometric, planar = tags.get(PHOTOMETRIC), tags.get(PLANAR_CONFIGURATION, 1)
    kind = max(bits), max(formats), photometric, channels
    uniform = len(bits) == len(formats) == 1
    interleaved = channels == 1 or planar == INTERLEAVED
    if not (uniform and interleaved and kind in READ_KINDS):
        raise ValueError(
            f'a TIFF with bits {sorted(bits)}, sample_format {sorted(formats)}, '
            f'photometric {photometric}, planar_configuration {planar}, channels '
            f'{channels}; expected grey or RGB, interleaved, of 8, 16, or 32 bits '
            '(float)'
        )


def has_straight_alpha(data: bytes) -> bool:
    """Tell whether a TIFF's fourth channel is a transparency to be multiplied with."""
    extra = read_tiff_tags(io.BytesIO(data)).get(EXTRA_SAMPLES, (STRAIGHT_ALPHA,))
    return extra[0] == STRAIGHT_ALPHA


def check_map_tiff(tags: ImageFileDirectory_v2) -> None:
    """Refuse a TIFF whose grey Pillow inverts or stretches.

    Raises:
        ValueError: white is zero, or grey of 2 or 4 bits.
    """
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        raise ValueError('white is zero in it, expected black')
    bits = max(_bits(tags))
    if tags.get(PHOTOMETRIC) != PALETTE and 1 < bits < 8:
        raise ValueError(f'grey of {bits} bits, expected 8')


def _bits(tags):
    return tags.get(BITS_PER_SAMPLE, (1,))
