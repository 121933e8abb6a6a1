"""Lesion by lesion: how many, how large, where, how sure.

A lesion is a connected component (8 neighbours) of the pixels that the label map gives
to it, as :mod:`hacdr.evaluation.matching` counts. Components count however small they
are.
"""

from __future__ import annotations

from typing import NamedTuple, Sequence

import cv2
import numpy as np

# Digits after the point that are kept of a probability.
DIGITS = 4


class Finding(NamedTuple):
    """One lesion.

    Attributes:
        lesion: its name.
        area: in pixels, holes left out.
        box: x and y of the upper left pixel, width, height.
        contour: corners (x, y) of its outline, which runs along the pixels' borders:
            (0, 0) is the upper left corner of the photograph, the centre of its first
            pixel lies at (0.5, 0.5). Closed without naming the first corner again;
            holes are not drawn.
        mean_probability, largest_probability: of its pixels; None where the network
            gave none.
    """

    lesion: str
    area: int
    box: tuple[int, int, int, int]
    contour: list[tuple[int, int]]
    mean_probability: float | None
    largest_probability: float | None


def find_lesions(
    label: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> list[Finding]:
    """List the lesions of a label map.

    Args:
        label (np.ndarray): uint8 (H, W); values from ``len(classes)`` on are no lesion.
        probabilities (np.ndarray, optional): (len(classes) - 1, H, W), from 0 to 1.
        classes (Sequence[str]): names of the values, background first.

    Returns:
        List[Finding]: in the order of ``classes``; of one lesion by rows.
    """
    found = []
    lesions = (label > 0) & (label < len(classes))
    # Lesions of several kinds that touch are taken apart afterwards: one search of the
    # whole map in place of one for each kind.
    for y, x, blob in _find_components(lesions):
        values = label[y : y + blob.shape[0], x : x + blob.shape[1]] * blob
        for value in np.unique(values[blob]).tolist():
            for row, column, mask in _find_components(values == value):
                found.append((value, y + row, x + column, mask))
    findings = []
    for value, y, x, mask in sorted(found, key=_place):
        height, width = mask.shape
        mean = largest = None
        if probabilities is not None:
            plane = probabilities[value - 1]
            inside = plane[y : y + height, x : x + width][mask].astype(np.float64)
            mean = round(float(inside.mean()), DIGITS)
            largest = round(float(inside.max()), DIGITS)
        contour = np.add(_trace_outline(mask), (x, y)).tolist()
        area = int(mask.sum())
        findings.append(
            Finding(classes[value], area, (x, y, width, height), contour, mean, largest)
        )
    return findings


def summarise_lesions(
    findings: Sequence[Finding], classes: Sequence[str], fov_area: int | None = None
) -> dict[str, dict]:
    """Add up the lesions of one photograph.

    Args:
        findings (Sequence[Finding]): see :func:`find_lesions`.
        classes (Sequence[str]): background first.
        fov_area (int, optional): pixels of the field of view; 0 where there is none.

    Returns:
        Dict[str, dict]: lesion -> 'number', 'area' (pixels), 'share' (of the field of
        view; None without one), 'largest' (area of the largest), 'mean_probability'
        (over its pixels; None where there are none).
    """
    summary = {}
    for name in classes[1:]:
        own = [finding for finding in findings if finding.lesion == name]
        area = sum(finding.area for finding in own)
        scores = [finding.mean_probability for finding in own]
        mean = None
        if own and None not in scores:
            weighted = sum(one.area * one.mean_probability for one in own)
            mean = round(weighted / area, DIGITS)
        summary[name] = {
            'number': len(own),
            'area': area,
            'share': round(area / fov_area, 8) if fov_area else None,
            'largest': max((finding.area for finding in own), default=0),
            'mean_probability': mean,
        }
    return summary


def _place(one):
    value, y, x, mask = one
    # Boxes may begin at one pixel.
    return value, y, x, mask[0].argmax()


def _find_components(mask):
    """Yield y, x of each component's box and the component in it, bool (height, width).

    Args:
        mask (np.ndarray): bool (H, W).
    """
    mask = mask.view(np.uint8)
    # Each outer border is that of a component. Naming the component of every pixel at
    # once would take twice the time, and four bytes a pixel.
    borders, hierarchy = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    for border, (*_, parent) in zip(borders, hierarchy[0] if borders else ()):
        if parent < 0:
            x, y, width, height = cv2.boundingRect(border)
            box = mask[y : y + height, x : x + width]
            _, components = cv2.connectedComponents(box, connectivity=8)
            column, row = border[0, 0] - (x, y)
            yield y, x, components == components[row, column]


def _trace_outline(mask):
    """Return the corners of a component's outer border, int (N, 2), x and y.

    OpenCV follows the centres of the outermost pixels. In an image twice as large,
    where a pixel i covers 2i and 2i + 1, these lie a half of such a pixel inside of its
    border: 2i stands for i, 2i + 1 for i + 1. A diagonal step, from one pixel to a
    neighbour across a corner, has both ends on that corner.
    """
    doubled = mask.repeat(2, 0).repeat(2, 1).view(np.uint8)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = (contours[0][:, 0] + 1) // 2
    return corners[np.any(corners != np.roll(corners, 1, axis=0), axis=1)]
