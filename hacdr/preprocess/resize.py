"""Photographs of another size."""

from __future__ import annotations

import cv2
import numpy as np

from hacdr.images import DECODE_FLAGS


def fit_size(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """Find the size that fits.

    Args:
        size (Tuple[int, int]): width and height in pixels.
        max_side (int | None): the longer side at most.

    Returns:
        Tuple[int, int]: width and height in the same proportions; as they were where
        they fit already.
    """
    longer = max(size)
    if max_side is None or longer <= max_side:
        width, height = size
        return width, height
    # Half up, in integers: the same on every machine.
    width, height = (
        max(1, (2 * side * max_side + longer) // (2 * longer)) for side in size
    )
    return width, height


def find_divisor(full: tuple[int, int], size: tuple[int, int]) -> int:
    """Find the most that a JPEG may be reduced by while it is decoded.

    Args:
        full (Tuple[int, int]): its width and height.
        size (Tuple[int, int]): width and height to be resized to afterwards.

    Returns:
        int: 1, 2, 4 or 8; what is decoded is not smaller than ``size``.
    """
    fits = (
        divisor
        for divisor in sorted(DECODE_FLAGS, reverse=True)
        if all(-(-f // divisor) >= s for f, s in zip(full, size))
    )
    return next(fits, 1)


def reduce_photograph(photograph: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Reduce a photograph by averaging, for people to look at or for rough measures.

    It is halved as often as that fits, for a tenth of the time of another factor, which
    comes last; :func:`resize_photograph` is more exact.

    Args:
        photograph (np.ndarray): uint8, (H, W, C).
        size (Tuple[int, int]): width and height of the result, not larger.

    Returns:
        np.ndarray: uint8, (height, width, C).
    """
    while all(now >= 2 * then for now, then in zip(photograph.shape[1::-1], size)):
        half = photograph.shape[1] // 2, photograph.shape[0] // 2
        photograph = cv2.resize(photograph, half, interpolation=cv2.INTER_AREA)
    return cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)


def resize_photograph(
    photograph: np.ndarray,
    size: tuple[int, int],
    window: tuple[slice, slice] | None = None,
) -> np.ndarray:
    """Reduce a photograph by averaging over the area of each new pixel.

    As ``cv2.resize`` with ``INTER_AREA`` (within one grey level, by rounding), but
    about three times as fast for photographs of three channels, and able to compute
    only a part. Photographs to be enlarged are interpolated linearly.

    Args:
        photograph (np.ndarray): uint8 or float32, (H, W, C) or (H, W).
        size (Tuple[int, int]): width and height of the whole resized photograph.
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
    # numba takes its time to be imported.
    from hacdr.preprocess.kernels import average

    top, bottom, _ = window[0].indices(height)
    left, right, _ = window[1].indices(width)
    resized = np.empty((bottom - top, right - left, 3), np.uint8)
    average(np.ascontiguousarray(photograph), top, left, fy, fx, resized)
    return resized
