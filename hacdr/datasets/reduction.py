"""Smaller photographs and label maps in which small lesions are still there."""

import cv2
import numpy as np

from hacdr.datasets import reduction_kernels as kernels

IGNORE = 255
# Share of a cell's pixels that makes it a lesion: half keeps areas as they are.
SHARE = 0.5
_IGNORED_BIT = 1 << kernels.IGNORED
# Bit 6 stands for values that nobody knows.
_UNKNOWN_BIT = 1 << kernels.IGNORED - 1
MOST_LESIONS = kernels.IGNORED - 1


def _label_table():
    table = np.full(256, _UNKNOWN_BIT, np.uint8)
    table[0] = 0
    table[1 : MOST_LESIONS + 1] = 1 << np.arange(MOST_LESIONS)
    table[IGNORE] = _IGNORED_BIT
    return table


def _mask_table():
    table = np.arange(256, dtype=np.uint8)
    table[1 << MOST_LESIONS :] = _UNKNOWN_BIT
    table[IGNORE] = _IGNORED_BIT
    return table


_TO_BITS = dict(labels=_label_table(), masks=_mask_table())
_FROM_BITS = dict(
    # Where lesions overlap the later one wins, as in the conversion.
    labels=np.array([v.bit_length() for v in range(128)] + [IGNORE] * 128, np.uint8),
    masks=np.array([*range(128)] + [IGNORE] * 128, np.uint8),
)


def reduce_photograph(photograph, size, window=None):
    """Reduce a photograph by averaging over the area of each new pixel.

    As ``cv2.resize`` with ``INTER_AREA`` (within one grey level, by rounding), but
    about three times as fast for photographs of three channels, and able to compute
    only a part. Photographs to be enlarged are interpolated linearly.

    Args:
        photograph (np.ndarray): uint8 or float32, (H, W, C) or (H, W).
        size (Tuple[int, int]): width and height of the whole reduced photograph.
        window (Tuple[slice, slice], optional): rows and columns of it to return.

    Returns:
        np.ndarray: of the same type.
    """
    width, height = size
    window = window or (slice(None), slice(None))
    if photograph.shape[:2] == (height, width):
        return photograph[window]
    fy, fx = photograph.shape[0] / height, photograph.shape[1] / width
    if min(fy, fx) < 1:
        return cv2.resize(photograph, size, interpolation=cv2.INTER_LINEAR)[window]
    if photograph.dtype != np.uint8 or photograph.shape[2:] != (3,):
        return cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)[window]
    top, bottom, _ = window[0].indices(height)
    left, right, _ = window[1].indices(width)
    reduced = np.empty((bottom - top, right - left, 3), np.uint8)
    kernels.average(np.ascontiguousarray(photograph), top, left, fy, fx, reduced)
    return reduced


def reduce_labels(labels, size):
    """Reduce a label map so that every lesion stays.

    A new pixel is of a lesion where at least half of it is. A lesion that is too
    small to fill half of any pixel keeps the one it covers most of: none vanishes
    unless a pixel of the same lesion is left among the eight around. Areas stay
    what they were on the whole, where picking the nearest pixel loses small lesions
    and taking any pixel swells them. Where two lesions share a pixel the higher
    label wins. Label maps to be enlarged repeat the nearest pixel.

    Args:
        labels (np.ndarray): uint8 (H, W), values 0 to 6 and 255 for ignored.
        size (Tuple[int, int]): width and height.

    Returns:
        np.ndarray: uint8, (height, width).

    Raises:
        ValueError: another value.
    """
    return _reduce(labels, size, 'labels')


def reduce_masks(bits, size):
    """Reduce a map of overlapping lesions, each by itself as :func:`reduce_labels`.

    Args:
        bits (np.ndarray): uint8 (H, W), bit k - 1 set for lesion k (1 to 6); 255 for
            ignored.
        size (Tuple[int, int]): width and height.

    Returns:
        np.ndarray: uint8, (height, width), bits.

    Raises:
        ValueError: another value.
    """
    return _reduce(bits, size, 'masks')


def _reduce(values, size, kind):
    width, height = size
    if values.dtype != np.uint8 or values.ndim != 2:
        raise ValueError(
            f'expected {kind} uint8 (H, W), got {values.dtype} {values.shape}'
        )
    if values.shape == (height, width):
        return values
    fy, fx = values.shape[0] / height, values.shape[1] / width
    if min(fy, fx) < 1:
        return cv2.resize(values, size, interpolation=cv2.INTER_NEAREST)
    bits = np.zeros((height, width), np.uint8)
    faint, seen = kernels.majority(
        np.ascontiguousarray(values),
        _TO_BITS[kind],
        _first_pixels(height, fy),
        _first_pixels(width, fx),
        SHARE,
        bits,
    )
    if seen & _UNKNOWN_BIT:
        raise ValueError(
            f'{kind} hold the values {np.unique(values).tolist()}, expected up to '
            f'{MOST_LESIONS} lesions and {IGNORE} for ignored'
        )
    faint = faint[faint[:, 3] < MOST_LESIONS]
    faint = faint[kernels.alone(faint, bits)]
    kernels.keep(faint[np.argsort(-faint[:, 0], kind='stable')], bits)
    return cv2.LUT(bits, _FROM_BITS[kind])


def _first_pixels(cells, factor):
    """First pixel of each cell, and one past the last: those whose centre is in it."""
    return np.ceil(np.arange(cells + 1) * factor - 0.5 - 1e-9).astype(np.int64)
