"""Normalised and padded photographs, plane by plane as networks take them."""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np


def build_normalization_tables(
    mean: Sequence[float], std: Sequence[float]
) -> np.ndarray:
    """Tabulate ``(value - mean) / std`` for every grey value.

    Args:
        mean, std (Sequence[float]): of each channel.

    Returns:
        np.ndarray: float32 (channels, 256).
    """
    grey = np.arange(256, dtype=np.float32)
    scale = 1 / np.asarray(std, np.float64)[:, None]
    return ((grey - np.asarray(mean, np.float32)[:, None]) * scale).astype(np.float32)


def normalize_to_planes(
    photograph: np.ndarray,
    tables: np.ndarray,
    size: tuple[int, int],
    reverse: bool = False,
) -> np.ndarray:
    """Look each channel up in a table of its own; pad with 0 below and on the right.

    Args:
        photograph (np.ndarray): uint8 (H, W, 3).
        tables (np.ndarray): float32 (3, 256), one for each plane of the result.
        size (Tuple[int, int]): height and width of the result, at least H and W.
        reverse (bool): the last channel becomes the first plane: RGB of BGR.

    Returns:
        np.ndarray: float32 (3, height, width).

    Raises:
        ValueError: a photograph that is larger or not uint8.
    """
    height, width = photograph.shape[:2]
    if photograph.dtype != np.uint8 or height > size[0] or width > size[1]:
        raise ValueError(
            f'expected a photograph, uint8, of at most {size}, got '
            f'{photograph.dtype} {photograph.shape}'
        )
    channels = cv2.split(photograph)
    planes = np.empty((3, *size), np.float32)
    for plane, channel, table in zip(
        planes, channels[::-1] if reverse else channels, tables
    ):
        if channel.shape == plane.shape:
            cv2.LUT(channel, table, plane)
        else:
            plane[height:] = 0
            plane[:height, width:] = 0
            plane[:height, :width] = cv2.LUT(channel, table)
    return planes


def pad_map(values: np.ndarray, size: tuple[int, int], fill: int) -> np.ndarray:
    """Pad a map below and on the right.

    Args:
        values (np.ndarray): uint8 (H, W).
        size (Tuple[int, int]): height and width of the result, at least H and W.
        fill (int): value of what is added.

    Returns:
        np.ndarray: uint8 (height, width).
    """
    below, right = size[0] - values.shape[0], size[1] - values.shape[1]
    return cv2.copyMakeBorder(
        values, 0, below, 0, right, cv2.BORDER_CONSTANT, value=fill
    )
