"""Lesion by lesion: which are found, and what is found that is none.

A lesion is a connected component (8 neighbours) of the pixels that have it; what is
predicted at threshold t are the components of ``score >= t``. A lesion is found if at
least a fifth of its pixels is predicted; a predicted component is false if less than a
fifth of its pixels has the lesion. So one prediction may find several lesions, and
several may find one. Components count however small they are. Pixels that do not count
are cut out before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import cv2
import numpy as np

from hacdr.lesions import IGNORED_BIT

OVERLAP = 0.2
FROC_THRESHOLDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
# False findings a photograph at which the FROC score reads the sensitivity (Niemeijer
# et al., IEEE Transactions on Medical Imaging 29, 2010).
FROC_AT = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8)


@dataclass
class LesionMatches:
    """Lesions of one kind in one photograph.

    Attributes:
        found_at (np.ndarray): float32 (lesions,), falling: each is found at
            thresholds up to this.
        thresholds (np.ndarray): float32 (T,), rising.
        predicted, false (np.ndarray): int64 (T,), components predicted, and those of
            them that are none.
    """

    found_at: np.ndarray
    thresholds: np.ndarray
    predicted: np.ndarray
    false: np.ndarray


def match_lesions(
    scores: np.ndarray,
    ground_truth: np.ndarray,
    lesion: int,
    thresholds: Sequence[float] = FROC_THRESHOLDS,
) -> LesionMatches:
    """Match the lesions of one kind in one photograph.

    Args:
        scores (np.ndarray): float32 (H, W).
        ground_truth (np.ndarray): uint8 (H, W), see
            :func:`hacdr.evaluation.ground_truth_bits`.
        lesion (int): 0 for the first.
        thresholds (Sequence[float]): where predictions are looked at.

    Returns:
        LesionMatches: for adding up.
    """
    thresholds = np.unique(np.asarray(thresholds, np.float32))
    counts = (ground_truth & IGNORED_BIT) == 0
    there = (ground_truth >> lesion) & 1 & counts
    pixels = np.flatnonzero((scores >= thresholds[0]) & counts)
    predicted, false = [], []
    for threshold in thresholds:
        # Fewer and fewer pixels are left as the threshold rises.
        pixels = pixels[scores.ravel()[pixels] >= threshold]
        total, wrong = _false_components(pixels, there)
        predicted.append(total)
        false.append(wrong)
    return LesionMatches(
        _found_at(scores, there),
        thresholds,
        np.array(predicted, np.int64),
        np.array(false, np.int64),
    )


def _found_at(scores, there):
    """Return the score that a fifth of each lesion's pixels reaches, falling."""
    count, components = _components(there)
    if count == 0:
        return np.empty(0, np.float32)
    pixels = np.flatnonzero(there)
    component, score = components.ravel()[pixels], scores.ravel()[pixels]
    order = np.lexsort((-score, component))
    first = np.flatnonzero(np.diff(component[order], prepend=0))
    areas = np.diff(first, append=len(order))
    needed = np.ceil(OVERLAP * areas).astype(np.int64)
    return np.sort(score[order][first + needed - 1])[::-1].copy()


def _false_components(pixels, there):
    """Return how many components the pixels form and how many of them are false."""
    mask = np.zeros(there.shape, np.uint8)
    mask.ravel()[pixels] = 1
    count, components = _components(mask)
    component = components.ravel()[pixels]
    areas = np.bincount(component, minlength=count + 1)[1:]
    hits = np.bincount(component, there.ravel()[pixels], minlength=count + 1)[1:]
    return count, int((hits < OVERLAP * areas).sum())


def _components(mask):
    count, components = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    return count - 1, components


def froc(matches: Sequence[LesionMatches]) -> dict:
    """Free-response characteristic of many photographs.

    Args:
        matches (Sequence[LesionMatches]): of one kind of lesion, one a photograph, all
            with the same thresholds: ``FROC_THRESHOLDS`` and maybe others.

    Returns:
        dict: 'lesions' (int), 'thresholds' (list), 'sensitivity' (list, share of all
        lesions found at each; None if there are none), 'false_per_image' (list), and
        'score', the mean of the sensitivities that ``FROC_THRESHOLDS`` reach with at
        most 1/8, 1/4, 1/2, 1, 2, 4 and 8 false findings a photograph, 0 where none is
        strict enough (None if there are no lesions).
    """
    thresholds = matches[0].thresholds
    found_at = np.concatenate([one.found_at for one in matches])
    false = np.mean([one.false for one in matches], 0)
    result = {
        'lesions': len(found_at),
        'thresholds': shortest_floats(thresholds),
        'sensitivity': [None] * len(thresholds),
        'false_per_image': false.tolist(),
        'score': None,
    }
    if len(found_at):
        sensitivity = (found_at[:, None] >= thresholds).mean(0)
        # Whatever else was looked at, so that scores can be compared.
        fixed = np.isin(thresholds, np.asarray(FROC_THRESHOLDS, np.float32))
        reached = [
            sensitivity[fixed & (false <= limit)].max(initial=0) for limit in FROC_AT
        ]
        result['sensitivity'] = sensitivity.tolist()
        result['score'] = float(np.mean(reached))
    return result


def shortest_floats(values: np.ndarray) -> list[float]:
    """Return floats of the shortest decimals that name the float32 values."""
    return [float(str(value)) for value in values]
