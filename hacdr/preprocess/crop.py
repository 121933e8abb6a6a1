"""Random crops. All draws come from numpy's global generator."""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np

BAND = 32


def draw_crop(
    shape: tuple[int, int],
    crop_size: tuple[int, int],
    pixel: tuple[int, int] | None = None,
    context: int = 0,
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Draw where to crop.

    Args:
        shape (Tuple[int, int]): height and width of the photograph. Where it is smaller
            than the crop it stays as it is.
        crop_size (Tuple[int, int]): height and width.
        pixel (Tuple[int, int], optional): row and column that the crop must contain.
        context (int): pixels to leave around the crop, as far as there are any.

    Returns:
        Tuple[Tuple[slice, slice], Tuple[slice, slice]]: rows and columns of crop and
        context in the photograph; rows and columns of the crop in these.
    """
    rows, columns = (
        _draw_axis(size, crop, inside, context)
        for size, crop, inside in zip(shape, crop_size, pixel or (None, None))
    )
    return (rows[0], columns[0]), (rows[1], columns[1])


def _draw_axis(size, crop, pixel, context):
    """Draw along one axis: what is left of it, and the crop in that."""
    start = _draw_start(size, crop, pixel)
    first = max(0, start - context)
    left = slice(first, min(size, start + crop + context))
    return left, slice(start - first, start - first + min(crop, size))


def _draw_start(size, crop, pixel):
    """Where the crop starts along one axis so that it contains the pixel."""
    first, last = 0, max(0, size - crop)
    if pixel is not None:
        first, last = max(first, pixel - crop + 1), min(last, pixel)
    return np.random.randint(first, last + 1)


def draw_lesion_pixel(
    labels: np.ndarray,
    classes: Sequence[int],
    class_prob: Sequence[float] | None = None,
) -> tuple[int, int] | None:
    """Draw a lesion from those present, then one of its pixels.

    Args:
        labels (np.ndarray): uint8 (H, W).
        classes (Sequence[int]): label values to draw from.
        class_prob (Sequence[float], optional): chance of each, relative to the others
            that are present; even by default.

    Returns:
        Tuple[int, int] | None: row and column; None where no lesion is present.
    """
    labels = np.ascontiguousarray(labels)
    # The first one present of a random order is a draw from those present with the
    # chances asked for, and spares looking for the others.
    for value in _draw_order(classes, class_prob):
        mask = cv2.inRange(labels, int(value), int(value))
        # Pixels are counted in bands of rows, so that only those of one are listed.
        bands = [mask[top : top + BAND] for top in range(0, len(mask), BAND)]
        up_to = np.cumsum([cv2.countNonZero(band) for band in bands])
        if up_to[-1]:
            rank = np.random.randint(up_to[-1])
            number = int(np.searchsorted(up_to, rank, side='right'))
            pixels = np.flatnonzero(bands[number])
            # up_to counts to the band's end: the index is negative, from there.
            pixel = pixels[rank - up_to[number]]
            row, column = divmod(int(pixel), labels.shape[1])
            return number * BAND + row, column
    return None


def _draw_order(classes, class_prob):
    if class_prob is None:
        return np.random.permutation(classes)
    chances = np.divide(class_prob, np.sum(class_prob))
    return np.random.choice(classes, len(classes), replace=False, p=chances)
