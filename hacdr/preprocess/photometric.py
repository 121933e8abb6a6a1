"""Light and colour that differ from camera to camera."""

from __future__ import annotations

import cv2
import numpy as np

# The table that changes nothing.
IDENTITY = np.arange(256, dtype=np.uint8)
# Rows that are worked on at once: what is computed in between stays in the processor's
# cache.
BAND = 64


def look_up_colours(
    photograph: np.ndarray,
    before: np.ndarray | None = None,
    saturation: np.ndarray | None = None,
    hue: np.ndarray | None = None,
    after: np.ndarray | None = None,
) -> np.ndarray:
    """Change brightness, contrast, saturation and hue by tables.

    Args:
        photograph (np.ndarray): uint8 (H, W, 3), BGR.
        before, after (np.ndarray, optional): uint8 (256,), for every channel, before
            and after saturation and hue; nothing changes without.
        saturation, hue (np.ndarray, optional): uint8 (256,), for a channel of the HSV
            photograph as OpenCV has it (hue from 0 to 179); nothing changes without.

    Returns:
        np.ndarray: uint8 (H, W, 3).
    """
    out = np.empty_like(photograph)
    for top in range(0, len(photograph), BAND):
        band = _look_up(photograph[top : top + BAND], before)
        if saturation is not None or hue is not None:
            band = cv2.cvtColor(band, cv2.COLOR_BGR2HSV)
            _look_up_channel(band, 1, saturation)
            _look_up_channel(band, 0, hue)
            band = cv2.cvtColor(band, cv2.COLOR_HSV2BGR)
        out[top : top + BAND] = _look_up(band, after)
    return out


def _look_up(img, table):
    if table is None or (table == IDENTITY).all():
        return img
    return cv2.LUT(img, table)


def _look_up_channel(img, channel, table):
    """Change one channel in place, if there is a table."""
    if table is not None:
        values = cv2.LUT(cv2.extractChannel(img, channel), table)
        cv2.insertChannel(values, img, channel)


def random_gain_offset(
    img: np.ndarray, gain: tuple[float, float], offset: float
) -> None:
    """Multiply each channel by a random gain and add a random offset.

    Both are drawn uniformly for each channel, from numpy's global generator.

    Args:
        img (np.ndarray): float32 (H, W, C), changed in place.
        gain (Tuple[float, float]): least and greatest.
        offset (float): greatest, either way.
    """
    channels = img.shape[2]
    img *= np.random.uniform(*gain, channels).astype(np.float32)
    img += np.random.uniform(-offset, offset, channels).astype(np.float32)
