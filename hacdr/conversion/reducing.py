"""Smaller copies of photographs and masks in which no lesion vanishes."""

import cv2
import numpy as np

from hacdr.conversion.merging import LESION, label_components
from hacdr.lesions import IGNORED

# Of a pixel's area that must be lesion. A half keeps the areas of lesions as they
# are and merges fewest of them, see tools/benchmarks/mask_reduction.py.
SHARE = 0.5


def reduced_size(size, max_side):
    """Size of the copy.

    Args:
        size (Tuple[int, int]): width and height in pixels.
        max_side (int | None): the longer side at most.

    Returns:
        Tuple[int, int]: width and height in the same proportions; as they were
        where they fit already.
    """
    longer = max(size)
    if max_side is None or longer <= max_side:
        return tuple(size)
    # Half up, in integers: the same on every machine.
    width, height = (
        max(1, (2 * side * max_side + longer) // (2 * longer)) for side in size
    )
    return width, height


def reduce_photograph(photograph, size):
    """Reduce by area averaging.

    Args:
        photograph (np.ndarray): uint8 (H, W, 3).
        size (Tuple[int, int]): width and height of the copy.

    Returns:
        np.ndarray: the copy.
    """
    return cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)


def reduce_mask(mask, size):
    """Reduce a mask so that every lesion is still there.

    A pixel of the copy is lesion where at least half of its area is. A component
    (8-connected) of which nothing would be left keeps the one pixel of which it
    covers most. Ignored areas follow the first rule alone, and lesions win over
    them.

    Args:
        mask (np.ndarray): uint8 (H, W), as the functions of ``reading`` return it.
        size (Tuple[int, int]): width and height of the copy, none larger.

    Returns:
        Tuple[np.ndarray, int]: the copy, uint8 (height, width), and how many
        components were kept as one pixel.
    """
    if mask.shape[::-1] == tuple(size):
        return mask, 0
    drawn, rescued = reduce_lesions(mask == LESION, size)
    copy = drawn * np.uint8(LESION)
    copy[~drawn & mostly(mask == IGNORED, size)] = IGNORED
    return copy, rescued


def reduce_lesions(drawn, size, share=SHARE):
    """The same for a bool mask without ignored areas; returns a bool copy."""
    copy = mostly(drawn, size, share)
    owner, pixel, area = footprints(label_components(drawn)[0], size)
    kept = np.unique(owner[copy.ravel()[pixel]])
    vanished = ~np.isin(owner, kept)
    owner, pixel, area = owner[vanished], pixel[vanished], area[vanished]
    order = np.lexsort((pixel, -area, owner))
    rescued, first = np.unique(owner[order], return_index=True)
    copy.ravel()[pixel[order][first]] = True
    return copy, len(rescued)


def mostly(drawn, size, share=SHARE):
    """Where at least a share of a pixel's area is lesion.

    Args:
        drawn (np.ndarray): bool (H, W).
        size (Tuple[int, int]): width and height of the copy, none larger.
        share (float): of the area, above 0.

    Returns:
        np.ndarray: bool (height, width).
    """
    cover = cv2.resize(drawn.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    # Exactly the share may come out a rounding error lower.
    return cover >= share - 1e-4


def footprints(components, size):
    """Which pixels of a smaller picture every component touches, and how much.

    Args:
        components (np.ndarray): (H, W), as ``merging.label_components`` returns it.
        size (Tuple[int, int]): width and height of the smaller picture.

    Returns:
        Tuple[np.ndarray, np.ndarray, np.ndarray]: the component, the index of the
        pixel in the flattened picture, and the shared area in units of 1 / (width *
        height) pixels of the large one; integers, a row for each touch.
    """
    y, x = np.nonzero(components)
    owner, pixels = components[y, x].astype(np.int64), size[0] * size[1]
    keys, areas = [], []
    for row, height in _overlaps(y, components.shape[0], size[1]):
        for column, width in _overlaps(x, components.shape[1], size[0]):
            touched = height * width > 0
            pixel = row * size[0] + column
            keys.append((owner * pixels + pixel)[touched])
            areas.append((height * width)[touched])
    keys, inverse = np.unique(np.concatenate(keys), return_inverse=True)
    # Exact: far below 2 ** 53.
    total = np.bincount(inverse, np.concatenate(areas), len(keys)).astype(np.int64)
    return keys // pixels, keys % pixels, total


def _overlaps(index, length, shorter):
    """The one or two of ``shorter`` intervals that each of ``length`` overlaps."""
    begin, end = index * shorter, (index + 1) * shorter
    first, last = begin // length, (end - 1) // length
    border = np.minimum(end, (first + 1) * length)
    return (first, border - begin), (last, end - border)
