"""The one reduction of bit maps and label maps: no lesion is lost.

A pixel of the copy has a lesion where at least half of its area has it. That keeps
areas as they are, where picking the nearest pixel loses small lesions and taking any
pixel swells them. A component (8-connected) of a lesion that touches no such pixel
keeps the one that it covers most of, the first of several. A map of 12 x 4 pixels and
its copy of 3 x 1::

    . . . . | . # # # | # . . .
    . . # . | # # # # | # . . .
    . . # . | # # # . | . . . .        # # .
    . . . . | . . . . | . . . .

    2 of 16:  10 of 16:  2 of 16, of a component
    all that  at least   that has its pixel
    there is  half       already

Each lesion is reduced by itself. Ignored pixels follow the rule of the half, and any
lesion wins over them. Maps to be enlarged repeat the nearest pixel.
"""

from __future__ import annotations

import cv2
import numpy as np

from hacdr.lesions import (
    IGNORED,
    IGNORED_BIT,
    LESION_COUNT,
    UNKNOWN,
    bits_to_label,
    label_to_bits,
)


def reduce_bits(
    bits: np.ndarray, size: tuple[int, int], lesions: int = LESION_COUNT
) -> tuple[np.ndarray, list[int]]:
    """Reduce a bit map, see above.

    Args:
        bits (np.ndarray): uint8 (H, W), see :mod:`hacdr.lesions`.
        size (Tuple[int, int]): width and height of the copy.
        lesions (int): how many there are.

    Returns:
        Tuple[np.ndarray, List[int]]: the copy, uint8 (height, width), and for each
        lesion how many components were kept as one pixel.

    Raises:
        ValueError: another type, or a value that no bit map holds.
    """
    to_bits = np.arange(256, dtype=np.uint8)
    to_bits[1 << lesions : IGNORED] = UNKNOWN
    return _reduce(bits, size, to_bits, lesions)


def reduce_labels(
    labels: np.ndarray, size: tuple[int, int], lesions: int = LESION_COUNT
) -> np.ndarray:
    """Reduce a label map, see above; where two lesions share a pixel the later wins.

    It knows nothing of what lies below the lesion that won: where there is a bit map,
    reduce that and look its labels up.

    Args:
        labels (np.ndarray): uint8 (H, W), see :mod:`hacdr.lesions`.
        size (Tuple[int, int]): width and height of the copy.
        lesions (int): how many there are.

    Returns:
        np.ndarray: uint8 (height, width).

    Raises:
        ValueError: another type, or a value that no label map holds.
    """
    bits, _ = _reduce(labels, size, label_to_bits(lesions), lesions)
    return cv2.LUT(bits, bits_to_label(lesions))


def relabel(labels: np.ndarray, new_values: dict[int, int]) -> np.ndarray:
    """Give label values new ones.

    Args:
        labels (np.ndarray): uint8 (H, W).
        new_values (Dict[int, int]): value -> new value; the others stay.

    Returns:
        np.ndarray: uint8 (H, W).
    """
    if not new_values:
        return labels
    table = np.arange(256, dtype=np.uint8)
    table[list(new_values)] = np.fromiter(new_values.values(), np.int64) % 256
    return cv2.LUT(labels, table)


def merge_bits(
    bits: np.ndarray,
    new_values: dict[int, int] | None = None,
    lesions: int = LESION_COUNT,
) -> np.ndarray:
    """Return the label map of a bit map; where lesions overlap the later wins.

    Args:
        bits (np.ndarray): uint8 (H, W), see :mod:`hacdr.lesions`.
        new_values (Dict[int, int], optional): label -> new label; a lesion of which
            the new label is 0 hides none that was drawn below it.
        lesions (int): how many there are.

    Returns:
        np.ndarray: uint8 (H, W).
    """
    table = bits_to_label(lesions).copy()
    if new_values:
        kept = sum(1 << k - 1 for k, new in new_values.items() if k and new)
        table[: 1 << lesions] = table[np.arange(1 << lesions) & kept]
        table = relabel(table, new_values)
    return cv2.LUT(bits, table)


def select_bits(bits: np.ndarray, new_values: dict[int, int]) -> np.ndarray:
    """Return a bit map of some of the lesions, counted anew.

    Args:
        bits (np.ndarray): uint8 (H, W); bit 7 stays as it is.
        new_values (Dict[int, int]): label -> new label, 0 for those left out.

    Returns:
        np.ndarray: uint8 (H, W), bit k - 1 for the new label k.
    """
    before = np.arange(256)
    table = before & IGNORED_BIT
    for old, new in new_values.items():
        if old and new:
            table |= (before >> old - 1 & 1) << new - 1
    return cv2.LUT(bits, table.astype(np.uint8))


def _reduce(values, size, to_bits, lesions):
    """Reduce a map whose values a table turns into bits."""
    # numba takes its time to be imported.
    from hacdr.preprocess.kernels import find_runs

    if values.dtype != np.uint8 or values.ndim != 2:
        raise ValueError(
            f'expected a map, uint8 (H, W), got {values.dtype} {values.shape}'
        )
    height, width = values.shape
    if size[0] > width or size[1] > height:
        # Along the sides that grow; what shrinks is reduced below.
        enlarged = max(width, size[0]), max(height, size[1])
        values = cv2.resize(values, enlarged, interpolation=cv2.INTER_NEAREST)
    flat = values.ravel()
    # Eight values are looked at in one go.
    if flat.size % 8:
        flat = np.pad(flat, (0, -flat.size % 8))
    runs = find_runs(flat.view(np.uint64), *values.shape)
    found = np.unique(runs[:, 3])
    _check(found, to_bits)
    if values.shape == size[::-1]:
        return cv2.LUT(values, to_bits), [0] * lesions
    copy, kept = np.zeros(size[::-1], np.uint8), []
    cover = np.zeros(copy.size, np.uint32)
    for k in range(lesions):
        drawn = (to_bits >> k & 1 == 1) & (to_bits < IGNORED_BIT)
        shares, vanished = _set_half_covered(
            runs, drawn, values.shape, cover, 1 << k, copy
        )
        kept.append(_set_most_covered(shares[vanished], 1 << k, copy))
    if IGNORED in found:
        ignored = np.zeros_like(copy)
        _set_half_covered(
            runs, to_bits == IGNORED, values.shape, cover, IGNORED, ignored
        )
        copy[copy == 0] = ignored[copy == 0]
    return copy, kept


def _check(found, to_bits):
    unknown = found[to_bits[found] == UNKNOWN]
    if unknown.size:
        largest = np.flatnonzero(to_bits[:IGNORED] != UNKNOWN)[-1]
        raise ValueError(
            f'holds the value {unknown[0]}, expected 0 to {largest} or {IGNORED} for '
            'ignored pixels'
        )


def _set_half_covered(runs, wanted, shape, cover, bit, copy):
    """Set a bit where half of a pixel is covered by the runs of the values wanted.

    Returns what the components share with the copy's pixels, and which of that belongs
    to components that touch no pixel with the bit.
    """
    from hacdr.preprocess import kernels

    chosen = kernels.select_runs(runs, wanted)
    first_of = kernels.connect_runs(chosen)
    shares = kernels.list_shares(chosen, first_of, *shape, *copy.shape)
    half = -(-shape[0] * shape[1] // 2)
    vanished = kernels.set_covered(shares, half, cover, bit, copy.ravel())
    return shares, vanished


def _set_most_covered(shares, bit, copy):
    """Set a bit in the pixel that each component covers most of; return how many."""
    if not len(shares):
        return 0
    pixels, index = np.unique(shares[:, :2], axis=0, return_inverse=True)
    area = np.bincount(index.ravel(), shares[:, 2], len(pixels))
    # By component, the largest area first, of equal ones the first pixel.
    order = np.lexsort((pixels[:, 1], -area, pixels[:, 0]))
    components, first = np.unique(pixels[order, 0], return_index=True)
    copy.ravel()[pixels[order[first], 1]] |= np.uint8(bit)
    return len(components)
