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
# Steps of recall at which average precision is computed again for each draw: of all
# photographs pooled, and as many divided among those that have the lesion.
STEPS = 1000
# Draws are computed in parts of so many, for want of memory.
DRAWS_AT_ONCE = 250


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

    Average precision is computed at steps of recall, of all photographs pooled and of
    each, and moved by what that changes for the photographs as they are.

    Args:
        scores (Sequence[ImageScores]): of the photographs.
        weights (np.ndarray): (draws, photographs).
        thresholds (Sequence[float], optional): see :func:`hacdr.evaluation.figures`.
        point (dict[str, np.ndarray], optional): the figures of the photographs as they
            are, if they are known.

    Returns:
        dict[str, np.ndarray]: metric -> (draws, lesions + 1), the last column being
        the mean of the lesions whose figure the photographs as they are define. NaN
        where a draw does not define it, or lacks the lesion that other photographs
        have, and in the mean where that is so of one of its lesions.
    """
    point = point or figures(scores, thresholds)
    result = {}
    counts = np.stack([image.counts for image in scores])
    drawn = np.tensordot(weights, counts, 1)
    # Dice would be 0 there, for a single pixel that is predicted.
    lacks = (drawn[:, 2] == 0) & (counts[:, 2].sum(0) > 0)
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
    result = {k: np.where(lacks, np.nan, values) for k, values in result.items()}
    return {
        metric: np.column_stack([values, mean_of(values, ~np.isnan(point[metric]))])
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
        one of its lesions. NaN where there is none, see :func:`are_told`.
    """
    point = point or figures(scores, thresholds)
    drawn = resample(scores, draw_weights(len(scores)), thresholds, point)
    ends = {metric: interval(values) for metric, values in drawn.items()}
    for metric, rows in ends.items():
        rows[~are_told(scores, metric, ~np.isnan(point[metric]))] = np.nan
    return ends


def are_told(
    scores: Sequence[ImageScores], metric: str, defined: np.ndarray
) -> np.ndarray:
    """Tell which figures have an interval.

    Those of lesions that two photographs have at least (and for 'Precision' two
    predictions), as one says nothing about others; and the mean, unless one of its
    lesions is in one photograph alone.

    Args:
        scores (Sequence[ImageScores]): of the photographs.
        metric (str): the figure.
        defined (np.ndarray): bool (lesions,), of which lesions the mean is.

    Returns:
        np.ndarray: bool (lesions + 1,), the mean last.
    """
    _, predicted, shown = sum((image.counts > 0).astype(int) for image in scores)
    if metric == 'Precision':
        shown = np.minimum(shown, predicted)
    mean = len(scores) > 1 and not (shown[defined] == 1).any()
    return np.array([*(shown >= 2), mean])


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


def mean_of(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the mean of the chosen columns; NaN where one is NaN or none is chosen.

    Args:
        values (np.ndarray): (..., lesions).
        chosen (np.ndarray): bool (lesions,).

    Returns:
        np.ndarray: (...).
    """
    return safe_divide(np.where(chosen, values, 0).sum(-1), chosen.sum())


def _average_precisions(scores, weights, exact):
    columns = []
    for k, value in enumerate(exact):
        histograms = [image.histograms[k] for image in scores]
        keys = _steps(histograms)
        pairs = np.array([one.at(keys) for one in histograms], float)
        hits, false = pairs.swapaxes(0, 1)
        parts = np.split(weights, range(DRAWS_AT_ONCE, len(weights), DRAWS_AT_ONCE))
        drawn = np.concatenate([_step_area(one @ hits, one @ false) for one in parts])
        coarse = _step_area(hits.sum(0)[None], false.sum(0)[None])
        columns.append(np.clip(drawn + (value - coarse), 0, 1))
    return np.stack(columns, 1)


def _steps(histograms):
    """Return falling keys that divide the pixels with the lesion evenly.

    Those of all photographs pooled, and those of each: in a draw without the largest
    lesion, the small and faint ones have steps too.
    """
    present = [one for one in histograms if len(one.positive_keys)]
    if not present:
        return score_keys(np.zeros(1))
    each = max(1, STEPS // len(present))
    own = np.unique(np.concatenate([_divide(one, each) for one in present]))
    # Photographs may be more than steps.
    own = own[:: -(-len(own) // STEPS)]
    return np.union1d(_divide(pool(present), STEPS), own)[::-1]


def _divide(histogram, steps):
    """Return the keys of so many equal steps of recall."""
    ranks = np.cumsum(histogram.positives)
    wanted = np.linspace(0, ranks[-1], steps + 1)[1:]
    return histogram.positive_keys[np.unique(np.searchsorted(ranks, wanted))]


def _step_area(hits, false):
    """Average precision of rows of cumulated pixels, NaN in rows without hits."""
    precision = safe_divide(hits, hits + false)
    steps = np.diff(hits, axis=1, prepend=0)
    area = np.where(steps > 0, precision * steps, 0).sum(1)
    return safe_divide(area, hits[:, -1])
