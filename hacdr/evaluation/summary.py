"""Everything a test says about its photographs, as plain values for JSON."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from hacdr.lesions import LESIONS

from .bootstrap import DRAWS, LEVEL, SEED, intervals
from .matching import froc
from .metrics import (
    best_dice_thresholds,
    figures,
    has_probabilities,
    nan_mean,
)
from .scores import ImageScores


def summarise(
    scores: Sequence[ImageScores],
    thresholds: dict[str, float] | None = None,
    select_thresholds: bool = False,
    with_intervals: bool = True,
    lesions: Sequence[str] = LESIONS,
) -> dict:
    """Summarise the scores of many photographs.

    Args:
        scores (Sequence[ImageScores]): one for each photograph.
        thresholds (dict[str, float], optional): lesion -> working threshold, for
            'Dice@t'.
        select_thresholds (bool): find the thresholds of best Dice on these
            photographs, which are not a test's.
        with_intervals (bool): bootstrap, which takes seconds.
        lesions (Sequence[str]): their names.

    Returns:
        dict: 'figures': metric -> lesion -> {'value', 'low', 'high'} of all pixels
        pooled, with 'mean', the mean of the lesions for which it is defined; what is
        not defined is None. 'per_photograph': metric -> lesion -> mean over the
        photographs for which it is defined, with 'mean', the mean of these.
        'bootstrap': draws, seed, level, or None. 'thresholds': as given.
        'best_dice_thresholds': lesion -> threshold or None.
        'froc': lesion -> see :func:`hacdr.evaluation.froc`, or None.
    """
    at = None if thresholds is None else [thresholds[name] for name in lesions]
    point = figures(scores, at)
    ends = intervals(scores, at, point) if with_intervals else {}
    soft = has_probabilities(scores)
    return {
        'figures': {
            metric: _with_ends(values, ends.get(metric), lesions)
            for metric, values in point.items()
        },
        'per_photograph': _per_photograph(scores, at, lesions),
        'bootstrap': (
            {'draws': DRAWS, 'seed': SEED, 'level': LEVEL} if with_intervals else None
        ),
        'thresholds': thresholds,
        'best_dice_thresholds': (
            dict(zip(lesions, best_dice_thresholds(scores)))
            if select_thresholds and soft
            else None
        ),
        'froc': (
            {
                name: froc([image.matches[k] for image in scores])
                for k, name in enumerate(lesions)
            }
            if all(image.matches for image in scores)
            else None
        ),
    }


def photograph_figures(
    image: ImageScores,
    thresholds: Sequence[float] | None = None,
    lesions: Sequence[str] = LESIONS,
) -> dict[str, dict[str, float | None]]:
    """Return the figures of one photograph: metric -> lesion -> value or None."""
    return {
        metric: _named([*values, nan_mean(values)], lesions)
        for metric, values in figures([image], thresholds).items()
    }


def _per_photograph(scores, thresholds, lesions):
    each = [figures([image], thresholds) for image in scores]
    means = {}
    for metric in each[0]:
        values = nan_mean([one[metric] for one in each], axis=0)
        means[metric] = _named([*values, nan_mean(values)], lesions)
    return means


def _with_ends(values, ends, lesions):
    values = [*values, nan_mean(values)]
    if ends is None:
        ends = [(np.nan, np.nan)] * len(values)
    return {
        name: {
            'value': nan_to_none(value),
            'low': nan_to_none(low),
            'high': nan_to_none(high),
        }
        for name, value, (low, high) in zip((*lesions, 'mean'), values, ends)
    }


def _named(values, lesions):
    return {name: nan_to_none(value) for name, value in zip((*lesions, 'mean'), values)}


def nan_to_none(value: float) -> float | None:
    """Return a float for JSON, None for NaN."""
    return None if np.isnan(value) else float(value)
