"""How far figures would move with other photographs: bootstrap over photographs.

Photographs are drawn with replacement, as many as there are; pixels of one are not
independent, so they stay together. A draw is a row of weights, how often each
photograph was drawn; sums over a draw are matrix products.
"""

from __future__ import annotations

from typing import Sequence

import numpy as np

from .histogram import FIXED_PROTOCOLS, pool, score_keys
from .metrics import (
    count_figures,
    counts_at,
    figures,
    fixed_area,
    has_probabilities,
    safe_divide,
)
from .scores import ImageScores

DRAWS = 2000
SEED = 0
LEVEL = 0.95
# Steps of recall at which average precision is computed again for each draw.
STEPS = 1000


def draw_weights(photographs: int, draws: int = DRAWS, seed: int = SEED) -> np.ndarray:
    """Draw photographs with replacement.

    Args:
        photographs (int): how many.
        draws (int): how often.
        seed (int): the same seed gives the same draws.

    Returns:
        np.ndarray: float64 (draws, photographs), how often each was drawn.
    """
    rng = np.random.default_rng(seed)
    shares = np.full(photographs, 1 / photographs)
    return rng.multinomial(photographs, shares, draws).astype(float)


def resample(
    scores: Sequence[ImageScores],
    weights: np.ndarray,
    thresholds: Sequence[float] | None = None,
    point: dict[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return all figures of each draw.

    Average precision is computed at ``STEPS`` steps of recall and moved by what that
    changes for the photographs as they are.

    Args:
        scores (Sequence[ImageScores]): of the photographs.
        weights (np.ndarray): (draws, photographs).
        thresholds (Sequence[float], optional): see :func:`hacdr.evaluation.figures`.
        point (dict[str, np.ndarray], optional): the figures of the photographs as they
            are, if they are known.

    Returns:
        dict[str, np.ndarray]: metric -> (draws, lesions + 1), the last column being
        the mean of the lesions whose figure the photographs as they are define. NaN
        where a draw does not define it, as without the lesion, and in the mean where
        that is so of one of its lesions.
    """
    point = point or figures(scores, thresholds)
    result = {}
    counts = np.stack([image.counts for image in scores])
    drawn = np.tensordot(weights, counts, 1)
    if has_probabilities(scores):
        result['AUPR'] = _average_precisions(scores, weights, point['AUPR'])
        above = np.stack([image.above for image in scores])
        above = np.tensordot(weights, above, 1)
        for name, size in FIXED_PROTOCOLS.items():
            result[name] = fixed_area(above, drawn[:, 2], size)
    result.update(count_figures(np.moveaxis(drawn, 1, 0)))
    if thresholds is not None:
        counts = np.stack([counts_at(image, thresholds) for image in scores])
        drawn = np.tensordot(weights, counts, 1)
        result['Dice@t'] = count_figures(np.moveaxis(drawn, 1, 0))['Dice']
    return {
        metric: np.column_stack([values, _mean_of_defined(values, point[metric])])
        for metric, values in result.items()
    }


def intervals(
    scores: Sequence[ImageScores],
    thresholds: Sequence[float] | None = None,
    point: dict[str, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return 95 % intervals of all figures.

    Args:
        scores, thresholds, point: as in :func:`resample`.

    Returns:
        dict[str, np.ndarray]: metric -> (lesions + 1, 2), lower and upper end, the
        mean last. Draws without the lesion are left out, of the mean those without
        one of its lesions. NaN where no draw has it, and of a single photograph, which
        says nothing about others.
    """
    weights = draw_weights(len(scores))
    drawn = resample(scores, weights, thresholds, point)
    if len(scores) == 1:
        return {k: np.full((v.shape[1], 2), np.nan) for k, v in drawn.items()}
    return {metric: interval(values) for metric, values in drawn.items()}


def interval(values: np.ndarray) -> np.ndarray:
    """Return the ends of the middle 95 % of each column, (columns, 2).

    NaN is left out; a column of nothing else has NaN.
    """
    tail = (1 - LEVEL) / 2
    ends = np.full((values.shape[1], 2), np.nan)
    for column, end in zip(values.T, ends):
        defined = column[~np.isnan(column)]
        if len(defined):
            end[:] = np.quantile(defined, [tail, 1 - tail])
    return ends


def _mean_of_defined(values, point):
    """Mean of each row over the lesions that ``point`` has; NaN where one is NaN."""
    defined = ~np.isnan(point)
    return safe_divide(np.where(defined, values, 0).sum(1), defined.sum())


def _average_precisions(scores, weights, exact):
    columns = []
    for k, value in enumerate(exact):
        histograms = [image.histograms[k] for image in scores]
        keys = _steps(pool(histograms))
        hits, false = np.array([one.at(keys) for one in histograms], float).swapaxes(
            0, 1
        )
        drawn = _step_area(weights @ hits, weights @ false)
        coarse = _step_area(hits.sum(0)[None], false.sum(0)[None])
        columns.append(np.clip(drawn + (value - coarse), 0, 1))
    return np.stack(columns, 1)


def _steps(pooled):
    """Return falling keys that divide the pixels with the lesion evenly."""
    if len(pooled.positive_keys) == 0:
        return score_keys(np.zeros(1))
    ranks = np.cumsum(pooled.positives)
    wanted = np.linspace(0, ranks[-1], STEPS + 1)[1:]
    return pooled.positive_keys[np.unique(np.searchsorted(ranks, wanted))]


def _step_area(hits, false):
    """Average precision of rows of cumulated pixels, NaN in rows without hits."""
    precision = safe_divide(hits, hits + false)
    steps = np.diff(hits, axis=1, prepend=0)
    area = np.where(steps > 0, precision * steps, 0).sum(1)
    return safe_divide(area, hits[:, -1])
