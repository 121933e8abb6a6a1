"""From one mask a lesion to a label map, a bit map, and what is to be counted."""

from __future__ import annotations

from itertools import combinations
from typing import Sequence

import cv2
import numpy as np

from hacdr.lesions import IGNORED, LESIONS, bits_to_label, lesion_plane

# A mask of one lesion holds 0, this, and IGNORED.
LESION = 1


def to_bits(
    masks: dict[str, np.ndarray],
    shape: tuple[int, int],
    lesions: Sequence[str] = LESIONS,
) -> np.ndarray:
    """Pack the masks of one photograph.

    Args:
        masks (Dict[str, np.ndarray]): lesion -> uint8 (H, W), 0, LESION or
            IGNORED; a lesion that is absent is not a key.
        shape (Tuple[int, int]): H and W.
        lesions (Sequence[str]): all of them, the first is bit 0.

    Returns:
        np.ndarray: uint8 (H, W), bit k set where lesion k was drawn; IGNORED where a
        mask says so and no lesion was drawn.
    """
    bits = np.zeros(shape, np.uint8)
    for lesion, mask in masks.items():
        bits |= (mask == LESION).view(np.uint8) << lesions.index(lesion)
    ignored = [mask == IGNORED for mask in masks.values() if mask.max() == IGNORED]
    if ignored:
        bits[np.any(ignored, axis=0) & (bits == 0)] = IGNORED
    return bits


def to_labels(bits: np.ndarray, lesions: Sequence[str] = LESIONS) -> np.ndarray:
    """Merge overlapping lesions: the later one wins.

    Args:
        bits (np.ndarray): uint8 (H, W), as :func:`to_bits` returns it.
        lesions (Sequence[str]): as there.

    Returns:
        np.ndarray: uint8 (H, W), 0 for background, k + 1 for lesion k, IGNORED as it
        was.
    """
    return bits_to_label(len(lesions))[bits]


def count_lesions(
    bits: np.ndarray, lesions: Sequence[str] = LESIONS
) -> dict[str, dict[str, int]]:
    """Count pixels and components of every lesion.

    Args:
        bits (np.ndarray): uint8 (H, W), as :func:`to_bits` returns it.
        lesions (Sequence[str]): as there.

    Returns:
        Dict[str, Dict[str, int]]: lesion -> ``mask_pixels`` (as the experts drew
        it), ``label_pixels`` (what is left in the label map) and ``components``
        (8-connected, of the mask).
    """
    histogram, combined = _count_values(bits, len(lesions))
    counts = {}
    for bit, lesion in enumerate(lesions):
        drawn = combined >> bit & 1 == 1
        on_top = combined >> bit == 1
        counts[lesion] = dict(
            mask_pixels=int(histogram[drawn].sum()),
            label_pixels=int(histogram[on_top].sum()),
            components=label_components(lesion_plane(bits, bit))[1],
        )
    return counts


def count_overlaps(
    bits: np.ndarray, lesions: Sequence[str] = LESIONS
) -> dict[str, int]:
    """Count the pixels that two lesions share.

    Args:
        bits (np.ndarray): uint8 (H, W), as :func:`to_bits` returns it.
        lesions (Sequence[str]): as there.

    Returns:
        Dict[str, int]: 'EX&HE' and the like -> pixels, all pairs.
    """
    histogram, combined = _count_values(bits, len(lesions))
    overlaps = {}
    for (i, first), (j, second) in combinations(enumerate(lesions), 2):
        both = (combined >> i & 1) & (combined >> j & 1) == 1
        overlaps[f'{first}&{second}'] = int(histogram[both].sum())
    return overlaps


def count_ignored(bits: np.ndarray) -> int:
    """Count the pixels whose label is IGNORED, in a bit map as above."""
    return int((bits == IGNORED).sum())


def label_components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Number the components of a mask.

    Args:
        mask (np.ndarray): bool or 0 and 1, (H, W).

    Returns:
        Tuple[np.ndarray, int]: int32 (H, W), 0 outside, 1 to n on the components
        (8-connected); and n.
    """
    count, components = cv2.connectedComponents(np.asarray(mask, np.uint8))
    return components, count - 1


def _count_values(bits, lesions):
    """Pixels of every combination of so many lesions, and the combinations."""
    combined = np.arange(1 << lesions)
    return np.bincount(bits.ravel(), minlength=256)[combined], combined
