"""Is this a photograph that a network can be trusted with?

Seven simple measures and the warnings that follow. Limits and how often each warning is
wrong or missing: docs/images.md, by tools/benchmarks/photograph_quality.py.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from hacdr.preprocess.field_of_view import (
    FOV_THRESHOLD,
    brightest_channel,
    field_of_view,
)
from hacdr.preprocess.resize import fit_size, reduce_photograph

# Longer sides at which sharpness is measured, what the published network sees, and all
# the rest.
DETAIL_SIDE = 1440
FORM_SIDE = 720
# Of dark photographs the surround is darker too: this part of their bright pixels.
BRIGHT_PERCENTILE, SURROUND_SHARE, LEAST_THRESHOLD = 95, 0.08, 3
# Pixels from the sides of its box from which on an edge is the eye's, not a frame's.
FRAME = 3
# Distance from the fitted circle, in radii, up to which a point is on it.
ON_CIRCLE = 0.02
# What is left out along the edge, where light falls off, in pixels at FORM_SIDE.
EDGE = 7
WHITE = 250

# Limits; between them and the training photographs of IDRiD there is room for others.
LEAST_RIM = 0.05
LEAST_ROUNDNESS = 0.8
LEAST_VISIBLE = 0.75
LEAST_RELATIVE_DIAMETER = 0.8
LEAST_SATURATION = 0.15
LEAST_FUNDUS_COLOURS = 0.7
LEAST_BRIGHTNESS = 40
MOST_WHITE_GREEN, MOST_WHITE_RED = 0.01, 0.5
LEAST_SHARPNESS = 0.53


class Quality(NamedTuple):
    """What was measured, and what to be warned of.

    Attributes:
        measures (Dict[str, float | None]): see :func:`assess_photograph`; None where
            there is nothing to measure.
        warnings (List[Tuple[str, str]]): a code, and a sentence for a person.
    """

    measures: dict[str, float | None]
    warnings: list[tuple[str, str]]


def assess_photograph(
    photograph: np.ndarray, trained_diameter: float | None = None
) -> Quality:
    """Measure a photograph and say what may spoil its segmentation.

    The measures, inside the field of view but for the first four:

    - ``rim``: part of the bright area's edge that no straight side cuts;
    - ``roundness``: part of that edge within 2 % of a radius from a circle;
    - ``diameter``: of that circle, in pixels of the photograph;
    - ``visible``: part of the circle's area between those sides;
    - ``saturation``: median of (largest - smallest channel) / largest;
    - ``fundus_colours``, ``swapped_colours``: parts of the pixels with red >= green >=
      blue and the other way round;
    - ``brightness``: median grey level; ``white_green`` and ``white_red``: parts of the
      pixels from 250 on;
    - ``sharpness``: details of 1 to 2 pixels by those of 2 to 4 (deviation of
      differences of Gaussians) of green, at a longer side of 1440.

    Args:
        photograph (np.ndarray): BGR, uint8 (H, W, 3).
        trained_diameter (float, optional): of the field of view in the photographs a
            network learnt from, in the pixels it saw; smaller ones are warned of.

    Returns:
        Quality: measures and warnings. Codes: no_field_of_view, not_fundus, cut_off,
        small, grey, red_and_blue_swapped, underexposed, overexposed, blurred.
    """
    size = photograph.shape[1::-1]
    detail = reduce_photograph(photograph, fit_size(size, DETAIL_SIDE))
    small = reduce_photograph(detail, fit_size(size, FORM_SIDE))
    measures = dict.fromkeys(
        (
            *('rim', 'roundness', 'diameter', 'visible', 'saturation'),
            *('fundus_colours', 'swapped_colours', 'brightness'),
            *('white_green', 'white_red', 'sharpness'),
        )
    )
    inside, edge = _find_eye(small)
    if inside is not None:
        measures.update(_measure_form(inside, edge, size))
        kernel = np.ones((2 * EDGE + 1, 2 * EDGE + 1))
        # The frame is no edge of the eye.
        core = cv2.erode(inside, kernel, borderType=cv2.BORDER_REPLICATE)
        if core.any():
            measures.update(_measure_colours(small[core > 0]))
            measures['sharpness'] = _measure_sharpness(detail, core)
    return Quality(measures, [*_judge(measures, trained_diameter)])


def _find_eye(small):
    """Find the largest bright area and the points of its edge that no frame cuts.

    Returns:
        Tuple[np.ndarray, Tuple[np.ndarray, int]]: uint8 (H, W), 1 inside, and (x, y) of
        those points (N, 2) with the number of all points; None twice where it is dark.
    """
    bright = np.percentile(brightest_channel(small), BRIGHT_PERCENTILE)
    threshold = np.clip(SURROUND_SHARE * bright, LEAST_THRESHOLD, FOV_THRESHOLD)
    mask = field_of_view(small, threshold)
    outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[-2]
    if not outlines:
        return None, None
    outline = max(outlines, key=cv2.contourArea)
    inside = cv2.drawContours(np.zeros_like(mask), [outline], -1, 1, cv2.FILLED)
    points = outline[:, 0].astype(float)
    # Straight sides are a frame's, also where somebody added black around it.
    first, last = points.min(0), points.max(0)
    free = ((points >= first + FRAME) & (points <= last - FRAME)).all(1)
    return inside, (points[free], len(points))


def _measure_form(inside, edge, size):
    points, length = edge
    rim = len(points) / length
    if rim < LEAST_RIM or len(points) < 3:
        return dict(rim=rim)
    x, y, radius, roundness = _fit_circle(points)
    rows, columns = (np.flatnonzero(inside.any(1 - axis)) for axis in (0, 1))
    shown = ((columns - x) ** 2 + (rows[:, None] - y) ** 2 <= radius**2).sum()
    return dict(
        rim=rim,
        roundness=roundness,
        diameter=2 * radius * size[0] / inside.shape[1],
        visible=min(1.0, float(shown / (np.pi * radius**2))),
    )


def _fit_circle(points):
    """Fit a circle by least squares, again and again without what is off it.

    Returns:
        Tuple[float, float, float, float]: centre, radius, part of the points on it.
    """
    kept = points
    for _ in range(6):
        # |p|^2 = 2 p c + (r^2 - |c|^2) is linear in the centre and the last term.
        unknowns = np.column_stack([2 * kept, np.ones(len(kept))])
        x, y, rest = np.linalg.lstsq(unknowns, (kept**2).sum(1), rcond=None)[0]
        radius = np.sqrt(max(1.0, rest + x**2 + y**2))
        off = abs(np.hypot(*(points - (x, y)).T) / radius - 1)
        kept = points[off <= max(ON_CIRCLE / 2, 1.5 * np.median(off))]
    return float(x), float(y), float(radius), float((off <= ON_CIRCLE).mean())


def _measure_colours(pixels):
    """Measure the colours of BGR pixels, (N, 3)."""
    blue, green, red = np.ascontiguousarray(pixels.T).astype(np.float32)
    largest = np.maximum(np.maximum(red, green), blue)
    smallest = np.minimum(np.minimum(red, green), blue)
    grey = 0.114 * blue + 0.587 * green + 0.299 * red
    return dict(
        saturation=float(np.median((largest - smallest) / np.maximum(largest, 1))),
        fundus_colours=float(((red >= green) & (green >= blue)).mean()),
        swapped_colours=float(((blue >= green) & (green >= red)).mean()),
        brightness=float(np.median(grey)),
        white_green=float((green >= WHITE).mean()),
        white_red=float((red >= WHITE).mean()),
    )


def _measure_sharpness(detail, core):
    green = cv2.extractChannel(detail, 1).astype(np.float32)
    core = cv2.resize(core, green.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    fine, middle, coarse = (cv2.GaussianBlur(green, (0, 0), s) for s in (1, 2, 4))
    coarse_details = (middle - coarse)[core].std()
    # An even surface has no details at all.
    return float((fine - middle)[core].std() / max(coarse_details, 1e-6))


def _judge(measures, trained_diameter):
    """Yield the warnings."""
    m = measures
    if m['rim'] is None:
        yield 'no_field_of_view', 'nothing in it is brighter than a black surround'
        return
    if m['roundness'] is None:
        yield (
            'no_field_of_view',
            'no edge of a field of view is in it: cropped inside the eye, or not a '
            'fundus photograph',
        )
    elif m['roundness'] < LEAST_ROUNDNESS:
        yield 'not_fundus', 'what is bright in it is not round as a field of view is'
    elif m['visible'] < LEAST_VISIBLE:
        yield (
            'cut_off',
            f'only {100 * m["visible"]:.0f} % of the field of view are in it',
        )
    least = LEAST_RELATIVE_DIAMETER * (trained_diameter or 0)
    if m['diameter'] is not None and m['diameter'] < least:
        yield (
            'small',
            f'its field of view is {m["diameter"]:.0f} pixels wide, the network '
            f'learnt from {trained_diameter:.0f}: small lesions may be missed',
        )
    if m['saturation'] is None:
        return
    if m['saturation'] < LEAST_SATURATION:
        yield 'grey', 'it has no colours, the network learnt from photographs in colour'
    elif m['swapped_colours'] > LEAST_FUNDUS_COLOURS and m['roundness'] is not None:
        yield (
            'red_and_blue_swapped',
            'its blue is stronger than its red: are the channels swapped?',
        )
    elif m['fundus_colours'] < LEAST_FUNDUS_COLOURS:
        yield 'not_fundus', 'its colours are not those of a fundus photograph'
    if m['brightness'] < LEAST_BRIGHTNESS:
        yield 'underexposed', f'it is dark (median grey level {m["brightness"]:.0f})'
    if m['white_green'] > MOST_WHITE_GREEN or m['white_red'] > MOST_WHITE_RED:
        yield 'overexposed', 'large parts of it are white, or their red is saturated'
    if m['sharpness'] < LEAST_SHARPNESS:
        yield 'blurred', 'fine details are missing: out of focus, moved or enlarged'
