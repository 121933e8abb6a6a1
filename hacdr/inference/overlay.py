"""Lesion outlines drawn on a photograph, with a legend."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import cv2
import numpy as np

from hacdr.preprocess.resize import fit_size, reduce_photograph

LEGEND_GREY = 24
WHITE = 255, 255, 255
SMALLEST_SCALE = 0.4
# Of a panel, in pixels: two of them fill a wide screen and are sharp on a better one.
LONGEST_SIDE = 1920
# Panels from this side on have room for outlines of two pixels and a dark halo.
HALO_FROM = 900
# OpenCV takes coordinates as integers, in parts of a pixel of two to this power.
SHIFT = 4


class Outlines(NamedTuple):
    """Where the lesions of one kind are.

    Attributes:
        number: connected components (8 neighbours).
        borders: int (N, 1, 2) each, x and y of pixels; those of holes too.
    """

    number: int
    borders: Sequence[np.ndarray]


def find_outlines(label: np.ndarray, classes: Sequence[str]) -> list[Outlines]:
    """Find the lesions of a label map.

    Args:
        label (np.ndarray): integers, (H, W).
        classes (Sequence[str]): class names; class 0, background, is left out.

    Returns:
        List[Outlines]: one a lesion.
    """
    found = []
    for value in range(1, len(classes)):
        borders, hierarchy = cv2.findContours(
            (label == value).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
        )
        # Borders without a parent are outer ones.
        number = int((hierarchy[0, :, 3] < 0).sum()) if len(borders) else 0
        found.append(Outlines(number, borders))
    return found


def draw_outlines(
    photograph: np.ndarray,
    label: np.ndarray,
    classes: Sequence[str],
    colours: Sequence[Sequence[int]],
) -> np.ndarray:
    """Draw the outline of every lesion of a label map on a photograph.

    Args:
        photograph (np.ndarray): BGR, uint8, (H, W, 3); left unchanged.
        label (np.ndarray): label map, integers, (H, W).
        classes (Sequence[str]): class names; class 0, background, is not drawn.
        colours (Sequence[Sequence[int]]): RGB colour per class.

    Returns:
        np.ndarray: BGR, uint8, (H, W, 3).
    """
    if photograph.shape[:2] != label.shape:
        raise ValueError(
            f'label map of size {label.shape} on a photograph of size '
            f'{photograph.shape[:2]}: the two must be equal'
        )
    drawn = photograph.copy()
    _draw(drawn, find_outlines(label, classes), colours, 1)
    return drawn


def draw_side_by_side(
    photograph: np.ndarray,
    panels: dict[str, np.ndarray | None],
    classes: Sequence[str],
    colours: Sequence[Sequence[int]],
    name: str = '',
) -> np.ndarray:
    """Put panels side by side, each over its title and a legend with counts.

    A photograph larger than a screen is reduced first, so that outlines and text are as
    wide as the screen needs them.

    Args:
        photograph (np.ndarray): BGR, uint8, (H, W, 3).
        panels (Dict[str, Optional[np.ndarray]]): title -> label map (H, W), or
            None for the bare photograph.
        classes (Sequence[str]): names shown in the legend; class 0 is left out.
        colours (Sequence[Sequence[int]]): RGB colour per class.
        name (str): written under the first panel; what is not ASCII becomes '?'.

    Returns:
        np.ndarray: BGR, uint8, (h + legend, w * len(panels), 3).
    """
    size = fit_size(photograph.shape[1::-1], LONGEST_SIDE)
    factor = size[0] / photograph.shape[1]
    small = reduce_photograph(photograph, size)
    scale = max(SMALLEST_SCALE, size[0] / 900)
    drawn, strips = [], []
    for title, label in panels.items():
        panel, shown, numbers = small.copy(), classes[:1], None
        if label is not None:
            outlines = find_outlines(label, classes)
            _draw(panel, outlines, colours, factor)
            shown, numbers = classes, [one.number for one in outlines]
        if name and not strips:
            title = f'{name}: {title}'
        drawn.append(panel)
        strips.append(draw_legend(size[0], shown, colours, scale, numbers, title))
    height = max(len(strip) for strip in strips)
    strips = [pad(strip, height, size[0]) for strip in strips]
    return np.vstack([np.hstack(drawn), np.hstack(strips)])


def draw_legend(
    width: int,
    classes: Sequence[str],
    colours: Sequence[Sequence[int]],
    scale: float = 1.0,
    numbers: Sequence[int] | None = None,
    title: str = '',
) -> np.ndarray:
    """Draw a strip that says which colour is which lesion, in one line or more.

    Args:
        width (int): of the strip, in pixels.
        classes (Sequence[str]): class names; class 0, background, is left out.
        colours (Sequence[Sequence[int]]): RGB colour per class.
        scale (float): 1 for lines 48 pixels high.
        numbers (Sequence[int], optional): one a lesion, written behind its name.
        title (str): written before the lesions.

    Returns:
        np.ndarray: BGR, uint8, (lines * 48 * scale, width, 3).
    """
    entries = [(title, None)] if title else []
    for index, (name, colour) in enumerate(list(zip(classes, colours))[1:]):
        text = name if numbers is None else f'{name} {numbers[index]}'
        entries.append((text, _bgr(colour)))
    line, side, left = int(48 * scale), int(20 * scale), int(12 * scale)
    strip = np.full((line, width, 3), LEGEND_GREY, np.uint8)
    x, baseline = left, int(line * 0.68)
    for text, colour in entries:
        swatch = 0 if colour is None else side + int(8 * scale)
        if x > left and x + swatch + _text_width(text, scale) > width:
            strip = pad(strip, len(strip) + line, width)
            x, baseline = left, baseline + line
        if colour is not None:
            cv2.rectangle(strip, (x, baseline - side), (x + side, baseline), colour, -1)
        x += swatch + put_text(strip, text, (x + swatch, baseline), scale)
        x += int(28 * scale)
    return strip


def put_text(
    image: np.ndarray, text: str, origin: tuple[int, int], scale: float
) -> int:
    """Write white text in place and return its width in pixels."""
    font, size, weight = _font(scale)
    text = _ascii(text)
    cv2.putText(image, text, origin, font, size, WHITE, weight, cv2.LINE_AA)
    return _text_width(text, scale)


def pad(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return an image of that size with the legend's grey below it and to its right."""
    return cv2.copyMakeBorder(
        image,
        0,
        height - image.shape[0],
        0,
        width - image.shape[1],
        cv2.BORDER_CONSTANT,
        value=(LEGEND_GREY,) * 3,
    )


def _draw(image, outlines, colours, factor):
    """Draw outlines of a map on a photograph of ``factor`` times its size."""
    side = max(image.shape[:2])
    thickness = max(2, round(side / 1000)) if side >= HALO_FROM else 1
    lines = [[_place(border, factor) for border in one.borders] for one in outlines]
    layers = list(zip(lines, map(_bgr, colours[1:])))
    if side >= HALO_FROM:
        # Below all colours: no lesion's halo covers another's outline.
        halo = [(border, (0, 0, 0)) for border in lines]
        _draw_lines(image, halo, thickness + 2)
    _draw_lines(image, layers, thickness)


def _draw_lines(image, layers, thickness):
    # Smoothing takes the colour of lines of one pixel.
    kind = cv2.LINE_AA if thickness > 1 else cv2.LINE_8
    for borders, colour in layers:
        cv2.polylines(image, borders, True, colour, thickness, kind, SHIFT)


def _place(border, factor):
    """Return where centres of pixels come to lie, as OpenCV wants it with SHIFT."""
    return np.int32(np.round(((border + 0.5) * factor - 0.5) * (1 << SHIFT)))


def _text_width(text, scale):
    return cv2.getTextSize(_ascii(text), *_font(scale))[0][0]


def _font(scale):
    return cv2.FONT_HERSHEY_SIMPLEX, 0.8 * scale, max(1, round(scale))


def _ascii(text):
    # OpenCV's own font has no other letters.
    return text.encode('ascii', 'replace').decode()


def _bgr(colour):
    return tuple(int(c) for c in reversed(colour))
