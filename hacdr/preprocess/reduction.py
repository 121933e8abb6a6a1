"""Smaller photographs and label maps in which small lesions are still there."""

import cv2
import numpy as np

from hacdr.lesions import IGNORED
from hacdr.preprocess import reduction_kernels as kernels

# Share of a pixel that makes it a lesion: half keeps areas as they are.
SHARE = 0.5


def _table(values, entries, size, other):
    table = np.full(size, other, np.uint8)
    table[values] = entries
    return table


_TO_CODES = dict(
    labels=_table(
        [0, 1, 2, 3, 4, IGNORED], [0, 1, 2, 4, 8, kernels.IGNORED], 256, kernels.UNKNOWN
    ),
    masks=_table(
        [*range(16), IGNORED], [*range(16), kernels.IGNORED], 256, kernels.UNKNOWN
    ),
)
_FROM_CODES = dict(
    # Where lesions overlap the later one wins, as in the conversion.
    labels=_table(range(16), [code.bit_length() for code in range(16)], 256, IGNORED),
    masks=_table(range(16), range(16), 256, IGNORED),
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
    label wins; ignored pixels follow the rule of the half, and any lesion wins over
    them. Label maps to be enlarged repeat the nearest pixel.

    Args:
        labels (np.ndarray): uint8 (H, W), values 0 to 4 and 255 for ignored.
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
        bits (np.ndarray): uint8 (H, W), bit k - 1 set for lesion k (1 to 4); 255 for
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
    words = values.ravel()
    if words.size % 8:
        words = np.pad(words, (0, -words.size % 8))
    buffer = np.zeros(-(-height * width // 8) * 8, np.uint8)
    codes = buffer[: height * width].reshape(height, width)
    faint, unknown = kernels.majority(
        words.view(np.uint64),
        values.shape[1],
        _TO_CODES[kind],
        _first_pixels(height, fy),
        _first_pixels(width, fx),
        SHARE,
        codes,
    )
    if unknown:
        expected = '0 to 4' if kind == 'labels' else '0 to 15'
        raise ValueError(
            f'{kind} hold the values {np.unique(values).tolist()}, expected {expected} '
            f'and {IGNORED} for ignored'
        )
    faint = faint[kernels.alone(faint, codes)]
    kernels.keep(faint[np.argsort(-faint[:, 0], kind='stable')], codes)
    kernels.translate(buffer.view(np.uint64), _FROM_CODES[kind])
    return codes


def _first_pixels(cells, factor):
    """First pixel of each cell, and one past the last: those whose centre is in it."""
    return np.ceil(np.arange(cells + 1) * factor - 0.5 - 1e-9).astype(np.int64)
