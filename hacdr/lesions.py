"""The facts of the field: the four lesions, their values in maps, their colours.

Lesions are counted from 0, in the order of :data:`LESIONS`. A label map holds one class
for each pixel: 0 background, k + 1 for lesion k (1 EX, 2 HE, 3 SE, 4 MA), 255 where a
pixel is ignored. A bit map holds every lesion that was drawn there, overlaps included:
bit k for lesion k, 255 where a pixel is ignored. Both are uint8 (H, W).

A data set may have other classes, up to :data:`MOST_LESIONS` and the background; then
its own list takes the place of :data:`CLASSES`, and all else stays as it is.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np

# The order is also the precedence: where two lesions were drawn over each other, the
# later one wins in a label map.
LESIONS = ('EX', 'HE', 'SE', 'MA')
LESION_COUNT = len(LESIONS)
CLASSES = ('background', *LESIONS)
# Their values in a label map.
LESION_LABELS = tuple(range(1, len(CLASSES)))
FULL_NAMES = {
    'EX': 'hard exudates',
    'HE': 'haemorrhages',
    'SE': 'soft exudates',
    'MA': 'microaneurysms',
}
# RGB of each class, as the paper draws them.
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0]]

IGNORED = 255
# No sum of lesions has this bit, so it tells ignored pixels.
IGNORED_BIT = 128
# What the tables below give for a value that their kind of map never holds.
UNKNOWN = 254
# How many lesions a bit map has room for, beside the bit of ignored pixels.
MOST_LESIONS = 7
# RGB of classes that the field has no colour for, all seven unlike each other.
OTHER_COLOURS = (
    [255, 0, 255],
    [0, 255, 255],
    [255, 128, 0],
    [128, 0, 255],
    [0, 128, 128],
    [255, 128, 192],
    [128, 128, 0],
)


def label_to_bits(lesions: int = LESION_COUNT) -> np.ndarray:
    """Return the table that turns labels into bits.

    Args:
        lesions (int): how many there are.

    Returns:
        np.ndarray: uint8 (256,), for ``table[values]`` or ``cv2.LUT(values, table)``;
        UNKNOWN for values that no label map holds.
    """
    return _build_table([0, *(1 << k for k in range(lesions))])


def bits_to_label(lesions: int = LESION_COUNT) -> np.ndarray:
    """Return the table that turns bits into labels, as :func:`label_to_bits` does."""
    return _build_table([bits.bit_length() for bits in range(1 << lesions)])


def _build_table(entries):
    table = np.full(256, UNKNOWN, np.uint8)
    table[: len(entries)] = entries
    table[IGNORED] = IGNORED
    table.setflags(write=False)
    return table


def choose_palette(classes: Sequence[str]) -> list[list[int]]:
    """Return the colours of classes: the field's where it has one, else others.

    Args:
        classes (Sequence[str]): the first is the background.

    Returns:
        List[List[int]]: RGB of each.
    """
    others = iter(OTHER_COLOURS)
    return [
        PALETTE[CLASSES.index(name)] if name in CLASSES else next(others)
        for name in classes
    ]


def lesion_plane(bits: np.ndarray, lesion: int) -> np.ndarray:
    """Tell where one lesion was drawn.

    Args:
        bits (np.ndarray): bit map, uint8 (H, W).
        lesion (int): 0 for the first of :data:`LESIONS`.

    Returns:
        np.ndarray: bool (H, W).
    """
    return (bits >> lesion & 1 == 1) & (bits != IGNORED)


# RGB of the marks on photographs: bright enough to be seen on dark red, and with a dark
# halo on bright exudates.
MARK_COLOURS = {
    'EX': [255, 96, 80],
    'HE': [96, 176, 255],
    'SE': [80, 228, 120],
    'MA': [255, 230, 80],
}


def mark_colours(
    classes: Sequence[str], palette: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Return the colours in which lesions are marked on a photograph.

    Args:
        classes (Sequence[str]): names of the label map's values.
        palette (Sequence[Sequence[int]]): RGB of each in the label map.

    Returns:
        List[List[int]]: RGB of each; the palette's where it is no lesion of ours.
    """
    return [
        MARK_COLOURS.get(name, list(colour)) for name, colour in zip(classes, palette)
    ]
