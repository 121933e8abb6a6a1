"""Of transparency and of more than 8 bits: what a network is to see."""

from __future__ import annotations

import numpy as np

DEPTHS = 8, 10, 12, 14, 16
# What white is in a photograph of floats, and how far resampling may overshoot.
WHITES, OVERSHOOT = (1, 255, 65535), 0.1


def lay_over_black(values: np.ndarray, notes: list[str]) -> np.ndarray:
    """Lay a transparent photograph over black, as the surround of the eye is.

    What is clear is outside the field of view, whatever colour is stored there. Where
    everything is clear, transparency means nothing and is left aside.

    Args:
        values (np.ndarray): uint8, uint16 or float (H, W, 4), transparency last.
        notes (List[str]): what is done is added to it.

    Returns:
        np.ndarray: of the same type, (H, W, 3).
    """
    colour, alpha = values[..., :3], values[..., 3]
    opaque = alpha.max()
    if not opaque > 0:
        notes.append('transparent everywhere: transparency is left aside')
        return colour
    partly = alpha < opaque
    if partly.any():
        notes.append(
            f'transparent pixels ({100 * partly.mean():.1f} %): laid over black, '
            'outside the field of view'
        )
        share = np.maximum(alpha[partly, None] / np.float64(opaque), 0)
        colour = colour.copy()
        shown = colour[partly] * share
        whole = colour.dtype.kind == 'u'
        colour[partly] = np.rint(shown) if whole else shown
    return colour


def reduce_to_8_bits(values: np.ndarray, bits: int, notes: list[str]) -> np.ndarray:
    """Reduce a photograph to 8 bits a channel.

    Integers keep their upper 8 bits. Where a file does not tell how many are used,
    the brightest value does: a camera of 12 bits whose values are stored in 16 stays
    below 4096. Floats are multiplied so that white (1, 255 or 65535, by the brightest)
    becomes 255.

    Args:
        values (np.ndarray): unsigned integers or floats, (H, W, C).
        bits (int, optional): of each value; None where the file does not tell.
        notes (List[str]): what is done is added to it.

    Returns:
        np.ndarray: uint8 (H, W, C).

    Raises:
        ValueError: floats that are not finite, or in no known range.
    """
    if values.dtype.kind == 'f':
        return _scale_floats(values, notes)
    if bits in (None, 16):
        # 16 is also said by who only stores 12.
        brightest = int(values.max())
        bits = next(depth for depth in DEPTHS if brightest < 1 << depth)
        if bits < 16:
            notes.append(
                f'{bits} bits in 16 (brightest value {brightest}): '
                + ('taken as they are' if bits == 8 else f'divided by {1 << bits - 8}')
            )
        else:
            notes.append('16 bits: divided by 256')
    elif bits > 8:
        notes.append(f'{bits} bits: divided by {1 << bits - 8}')
    return (values >> max(0, bits - 8)).astype(np.uint8)


def _scale_floats(values, notes):
    low, high = float(values.min()), float(values.max())
    whites = [white for white in WHITES if high <= white * (1 + OVERSHOOT)]
    # NaN is in no range.
    if not whites or not low >= -OVERSHOOT * whites[0]:
        raise ValueError(
            f'floats from {low:g} to {high:g}, expected 0 to 1, to 255 or to 65535'
        )
    notes.append(f'floats, white taken as {whites[0]}: scaled to 255')
    scaled = np.rint(values * np.float64(255 / whites[0]))
    return np.clip(scaled, 0, 255).astype(np.uint8)
