"""From logits at the network's size to label map and probabilities of a photograph."""

from __future__ import annotations

from typing import Sequence

import cv2
import numpy as np

from hacdr.inference.prediction import choose_classes

# Rows of the photograph at a time: what is computed of them stays in the processor's
# cache, and no plane of floats is ever as large as the photograph.
BAND = 16
# Of float32's exponents, those below float16's.
EXPONENTS_LACKING = 127 - 15


def enlarge(
    logits: Sequence[np.ndarray],
    size: tuple[int, int],
    limits: Sequence[float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Bring logits to a photograph's size and make label map and probabilities.

    Logits are interpolated linearly (as torch does without ``align_corners``), then
    become probabilities by a softmax; of several sets the probabilities are averaged.

    Args:
        logits (Sequence[np.ndarray]): float32, (classes, h, w), one or several sets
            for the same photograph.
        size (Tuple[int, int]): height and width of the photograph.
        limits (Sequence[float], optional): see
            :func:`~hacdr.inference.prediction.choose_classes`.

    Returns:
        Tuple[np.ndarray, np.ndarray]: label map, uint8 (H, W), and probabilities of
        the lesions, float16 (classes - 1, H, W).
    """
    height, width = size
    classes, rows, _ = logits[0].shape
    # torch lays channels beside each other.
    logits = [np.ascontiguousarray(each) for each in logits]
    label = np.empty(size, np.uint8)
    probabilities = np.empty((classes - 1, *size), np.float16)
    for top in range(0, height, BAND):
        band = slice(top, min(height, top + BAND))
        above, below, share = _neighbours(band, height, rows)
        total = None
        for each in logits:
            lines = each.take(above, 1)
            lines += (each.take(below, 1) - lines) * share[:, None]
            one = _softmax(_widen(lines, width))
            total = one if total is None else np.add(total, one, out=total)
        if len(logits) > 1:
            total /= len(logits)
        label[band] = choose_classes(total, limits)
        _store(total[1:], probabilities[:, band])
    return label, probabilities


def _neighbours(band, height, rows):
    """Return, of each row of the photograph in a band, the two rows of the logits that
    it lies between, and its distance from the upper one."""
    place = (np.arange(band.start, band.stop) + 0.5) * (rows / height) - 0.5
    place = place.clip(0, rows - 1)
    above = place.astype(np.intp)
    below = np.minimum(above + 1, rows - 1)
    return above, below, (place - above).astype(np.float32)


def _widen(lines, width):
    """Interpolate along the rows: (classes, n, w) to (classes, n, width)."""
    if lines.shape[2] == width:
        return lines
    wide = np.empty((*lines.shape[:2], width), np.float32)
    for plane, out in zip(lines, wide):
        cv2.resize(plane, out.shape[::-1], out, interpolation=cv2.INTER_LINEAR)
    return wide


def _softmax(logits):
    """Return probabilities; ``logits``, contiguous (classes, n, w), are overwritten."""
    logits -= logits.max(0)
    # Results that are no normal numbers would take a hundred times as long.
    np.maximum(logits, -80, out=logits)
    # A tenth of the time that numpy takes, as exact.
    flat = logits.reshape(-1, logits.shape[2])
    cv2.exp(flat, flat)
    logits /= logits.sum(0)
    return logits


def _store(values, out):
    """Round values from 0 to 1 to float16, right to 0.0003; ``values`` are overwritten.

    numpy converts one after the other, which would take half of the time of all this.
    Here the sign and the exponents that float16 lacks are cut off, and the mantissa is
    rounded to ten bits: what is left are the bits of a float16.
    """
    bits = values.view(np.uint32)
    # 2 ** -15 becomes zero, and so does what is less.
    np.maximum(bits, EXPONENTS_LACKING << 23, out=bits)
    bits -= (EXPONENTS_LACKING << 23) - (1 << 12)
    bits >>= 13
    out.view(np.uint16)[...] = bits
