"""From one mask a lesion to a label map, a bit map, and what is to be counted."""

from itertools import combinations

import numpy as np
from scipy import ndimage

from hacdr.datasets.lesion import LesionDataset

# Label value k is LESIONS[k - 1]. The order is also the precedence: where the
# experts drew two lesions over each other, the later one wins in the label map.
LESIONS = LesionDataset.CLASSES[1:]


def to_bits(masks, shape):
    """Pack the masks of one photograph.

    Args:
        masks (Dict[str, np.ndarray]): lesion -> bool (H, W); a lesion that is
            absent is not a key.
        shape (Tuple[int, int]): H and W.

    Returns:
        np.ndarray: uint8 (H, W), bit k - 1 set where lesion k was drawn.
    """
    bits = np.zeros(shape, np.uint8)
    for lesion, mask in masks.items():
        bits |= mask.view(np.uint8) << LESIONS.index(lesion)
    return bits


def to_labels(bits):
    """Merge overlapping lesions, EX < HE < SE < MA.

    Args:
        bits (np.ndarray): uint8 (H, W), as :func:`to_bits` returns it.

    Returns:
        np.ndarray: uint8 (H, W), 0 for background, else the highest set bit + 1.
    """
    table = np.array([value.bit_length() for value in range(256)], np.uint8)
    return table[bits]


def count_lesions(bits):
    """Count pixels and components of every lesion.

    Args:
        bits (np.ndarray): uint8 (H, W), as :func:`to_bits` returns it.

    Returns:
        Dict[str, Dict[str, int]]: lesion -> ``mask_pixels`` (as the experts drew
        it), ``label_pixels`` (what is left in the label map) and ``components``
        (8-connected, of the mask).
    """
    histogram = np.bincount(bits.ravel(), minlength=2 ** len(LESIONS))
    combined = np.arange(len(histogram))
    counts = {}
    for bit, lesion in enumerate(LESIONS):
        drawn = combined >> bit & 1 == 1
        on_top = combined >> bit == 1
        counts[lesion] = dict(
            mask_pixels=int(histogram[drawn].sum()),
            label_pixels=int(histogram[on_top].sum()),
            components=_count_components(bits >> bit & 1),
        )
    return counts


def count_overlaps(bits):
    """Count the pixels that two lesions share.

    Args:
        bits (np.ndarray): uint8 (H, W), as :func:`to_bits` returns it.

    Returns:
        Dict[str, int]: 'EX&HE' and the like -> pixels, all six pairs.
    """
    histogram = np.bincount(bits.ravel(), minlength=2 ** len(LESIONS))
    combined = np.arange(len(histogram))
    overlaps = {}
    for (i, first), (j, second) in combinations(enumerate(LESIONS), 2):
        both = (combined >> i & 1) & (combined >> j & 1) == 1
        overlaps[f'{first}&{second}'] = int(histogram[both].sum())
    return overlaps


def _count_components(mask):
    # Not OpenCV's: its threads do not survive the fork of a process that has used
    # them before.
    return ndimage.label(mask, np.ones((3, 3)))[1]
