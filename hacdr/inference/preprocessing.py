"""What is done to a photograph before the network: the same for every engine."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple

import cv2
import numpy as np

from hacdr.preprocess.local_contrast import normalize_local_contrast
from hacdr.preprocess.normalize import (
    build_normalization_tables,
    normalize_to_planes,
)


class Preprocessing(NamedTuple):
    """The test pipeline of a config, in words that fit into a file of weights.

    Attributes:
        scale (Tuple[int, int]): width and height that the photograph is resized to fit
            in, the ratio kept; the longer of them is for its longer side.
        reduced (bool): whether a JPEG is decoded at a half, a quarter or an eighth of
            its size where that is enough.
        values (dict): 'type' and arguments of the step that makes float32 of pixels:
            'LocalContrastNormalize' or 'Normalize'.
    """

    scale: tuple[int, int]
    reduced: bool
    values: dict[str, Any]

    def network_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return width and height before the network of a photograph's ``size``."""
        factor = min(
            max(self.scale) / max(size),
            min(self.scale) / min(size),
        )
        width, height = (int(side * factor + 0.5) for side in size)
        return width, height

    def apply(self, photograph: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Return what the network takes.

        Args:
            photograph (np.ndarray): BGR, uint8, (H, W, 3).
            size (Tuple[int, int]): width and height of the result.

        Returns:
            np.ndarray: float32, (3, height, width).
        """
        shrinks = photograph.shape[1] >= size[0] and photograph.shape[0] >= size[1]
        # As resize_photograph, but for roundings; that takes numba.
        resized = cv2.resize(
            photograph,
            size,
            interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
        )
        arguments = dict(self.values)
        make = VALUES[arguments.pop('type')]
        return make(resized, **arguments)


def _local_contrast(photograph, **arguments):
    values = normalize_local_contrast(photograph, **arguments)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _normalize(photograph, mean, std, to_rgb=True):
    tables = build_normalization_tables(mean, np.float32(std))
    return normalize_to_planes(photograph, tables, photograph.shape[:2], to_rgb)


# Each gives float32, (3, H, W).
VALUES: dict[str, Callable[..., np.ndarray]] = {
    'LocalContrastNormalize': _local_contrast,
    'Normalize': _normalize,
}
