"""Lesion outlines drawn on a photograph, with a legend."""

import cv2
import numpy as np

LEGEND_GREY = 24
SMALLEST_SCALE = 0.4


def draw_outlines(photograph, label, classes, palette):
    """Draw the outline of every lesion of a label map on a photograph.

    Args:
        photograph (np.ndarray): BGR, uint8, (H, W, 3); left unchanged.
        label (np.ndarray): label map, integers, (H, W).
        classes (Sequence[str]): class names; class 0, background, is not drawn.
        palette (Sequence[Sequence[int]]): RGB colour per class.

    Returns:
        np.ndarray: BGR, uint8, (H, W, 3).
    """
    if photograph.shape[:2] != label.shape:
        raise ValueError(
            f'label map of size {label.shape} on a photograph of size '
            f'{photograph.shape[:2]}: the two must be equal'
        )
    drawn = photograph.copy()
    thickness = max(1, round(max(label.shape) / 1000))
    for value in range(1, len(classes)):
        outlines, _ = cv2.findContours(
            (label == value).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE
        )
        colour = tuple(int(c) for c in reversed(palette[value]))
        cv2.drawContours(drawn, outlines, -1, colour, thickness)
    return drawn


def draw_side_by_side(photograph, panels, classes, palette):
    """Put titled panels side by side over one legend.

    Args:
        photograph (np.ndarray): BGR, uint8, (H, W, 3).
        panels (Dict[str, Optional[np.ndarray]]): title -> label map (H, W), or
            None for the bare photograph.
        classes (Sequence[str]): names shown in the legend; class 0 is left out.
        palette (Sequence[Sequence[int]]): RGB colour per class.

    Returns:
        np.ndarray: BGR, uint8, (H + legend, W * len(panels), 3).
    """
    # Sizes below are in pixels of a photograph 900 pixels high.
    scale = max(SMALLEST_SCALE, photograph.shape[0] / 900)
    drawn = []
    for title, label in panels.items():
        panel = (
            photograph.copy()
            if label is None
            else draw_outlines(photograph, label, classes, palette)
        )
        put_text(panel, title, (int(12 * scale), int(32 * scale)), scale)
        drawn.append(panel)
    image = np.hstack(drawn)
    return np.vstack([image, draw_legend(image.shape[1], classes, palette, scale)])


def draw_legend(width, classes, palette, scale=1.0, numbers=None):
    """Draw a strip that says which colour is which lesion.

    Args:
        width (int): of the strip, in pixels.
        classes (Sequence[str]): class names; class 0, background, is left out.
        palette (Sequence[Sequence[int]]): RGB colour per class.
        scale (float): 1 for a strip 48 pixels high.
        numbers (Sequence[int], optional): one a lesion, written behind its name.

    Returns:
        np.ndarray: BGR, uint8, (48 * scale, width, 3).
    """
    strip = np.full((int(48 * scale), width, 3), LEGEND_GREY, np.uint8)
    x, baseline = int(12 * scale), int(strip.shape[0] * 0.68)
    for index, (name, colour) in enumerate(list(zip(classes, palette))[1:]):
        swatch = tuple(int(c) for c in reversed(colour))
        side = int(20 * scale)
        cv2.rectangle(strip, (x, baseline - side), (x + side, baseline), swatch, -1)
        x += side + int(8 * scale)
        text = name if numbers is None else f'{name} {numbers[index]}'
        x += put_text(strip, text, (x, baseline), scale) + int(28 * scale)
    return strip


def put_text(image, text, origin, scale):
    """Write white text in place and return its width in pixels."""
    font, size, weight = cv2.FONT_HERSHEY_SIMPLEX, 0.8 * scale, max(1, round(scale))
    cv2.putText(image, text, origin, font, size, (255, 255, 255), weight, cv2.LINE_AA)
    return cv2.getTextSize(text, font, size, weight)[0][0]
