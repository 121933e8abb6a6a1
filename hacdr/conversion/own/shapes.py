"""Outlines that somebody drew -> masks."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from hacdr.errors import InputError


def fill_polygon(mask: np.ndarray, points: np.ndarray) -> bool:
    """Set the pixels of a polygon.

    A pixel belongs to it where its centre does; pixel (column, row) covers the square
    from (column, row) to (column + 1, row + 1). One so small that it holds no centre
    keeps the pixel that its middle lies in.

    Args:
        mask (np.ndarray): bool (H, W), changed.
        points (array_like): x and y of its corners, in pixels, (N, 2).

    Returns:
        bool: False where it lies outside of the mask altogether.
    """
    points = np.asarray(points, np.float64)
    y = points[:, 1]
    height, width = mask.shape
    drawn = False
    for row in range(max(0, int(y.min())), min(height, int(y.max()) + 1)):
        crossings = _cross(points, row + 0.5)
        # Columns whose centres lie between the first and second crossing, and so on.
        ends = np.ceil(crossings - 0.5).clip(0, width).astype(int)
        for begin, end in zip(ends[::2], ends[1::2]):
            mask[row, begin:end] = True
            drawn |= end > begin
    if drawn:
        return True
    column, row = np.floor(points.mean(0)).astype(int)
    if not (0 <= column < width and 0 <= row < height):
        return False
    mask[row, column] = True
    return True


def _cross(points, y):
    """Where the sides of a polygon cross a line, from left to right."""
    x0, y0 = points.T
    x1, y1 = np.roll(points, -1, 0).T
    crossing = (y0 <= y) != (y1 <= y)
    x0, y0, x1, y1 = (values[crossing] for values in (x0, y0, x1, y1))
    return np.sort(x0 + (y - y0) * (x1 - x0) / (y1 - y0))


def circle(centre: np.ndarray, border: np.ndarray) -> np.ndarray:
    """Corners of a polygon in place of a circle.

    Args:
        centre (array_like): x and y.
        border (array_like): a point on it.

    Returns:
        np.ndarray: float64 (64, 2).
    """
    centre = np.asarray(centre, np.float64)
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    radius = np.hypot(*(np.asarray(border, np.float64) - centre))
    return centre + radius * np.column_stack([np.cos(angles), np.sin(angles)])


def rectangle(
    one: Sequence[float], other: Sequence[float]
) -> list[tuple[float, float]]:
    """Corners of a rectangle, given two opposite ones."""
    (left, top), (right, bottom) = one, other
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def read_points(points: object, where: str, least: int = 3) -> np.ndarray:
    """Check what should be corners.

    Args:
        points (object): of a JSON file.
        where (str): the shape, for messages.
        least (int): how many it needs.

    Returns:
        np.ndarray: float64 (N, 2).

    Raises:
        InputError: not numbers in pairs, not finite, or too few.
    """
    try:
        array = np.array(points, np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.ndim != 2 or array.shape[1] != 2 or len(array) < least:
        raise InputError(f'{where}: expected {least} or more points [x, y]')
    if not (np.abs(array) < 1e6).all():
        raise InputError(f'{where}: has a point that lies nowhere in a photograph')
    return array


def decode_runs(counts: object, shape: tuple[int, int], where: str) -> np.ndarray:
    """Decode COCO's runs, which go down the columns and begin with background.

    Args:
        counts (object): of a JSON file: a list of run lengths, or the text that
            pycocotools packs them into.
        shape (Tuple[int, int]): H and W.
        where (str): the annotation, for messages.

    Returns:
        np.ndarray: bool (H, W).

    Raises:
        InputError: they are no runs, or do not fill the shape.
    """
    height, width = shape
    try:
        runs = np.array(
            _unpack(counts) if isinstance(counts, str) else counts, np.int64
        )
        fits = runs.ndim == 1 and (runs >= 0).all() and runs.sum() == height * width
    except (TypeError, ValueError, IndexError, OverflowError):
        fits = False
    if not fits:
        raise InputError(f'{where}: its runs do not fill {width}x{height} pixels')
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height).T


def _unpack(text):
    """COCO's packed runs: six bits a character, each run less the one before the last.

    Not pycocotools: it trusts what it reads, and a text that was made to harm writes
    where it should not.
    """
    runs, value, shift = [], 0, 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 60:
            raise ValueError('no run')
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    return runs
