"""Figures of one photograph or of many: average precision, Dice, IoU, ...

A figure is computed from :class:`~hacdr.evaluation.ImageScores`, pixels pooled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from .histogram import FIXED_PROTOCOLS, THRESHOLDS, key_scores, pool, score_keys
from .scores import ImageScores


@dataclass
class Curve:
    """Pooled pixels above each score that a pixel with the lesion has.

    Attributes:
        scores (np.ndarray): float32 (N,), strictly falling.
        hits, false (np.ndarray): int64 (N,), pixels with and without the lesion whose
            score is at least that.
        positives (int): pixels with the lesion.
    """

    scores: np.ndarray
    hits: np.ndarray
    false: np.ndarray
    positives: int

    @property
    def precision(self) -> np.ndarray:
        """np.ndarray: (N,), share of the pixels predicted that have the lesion."""
        return self.hits / (self.hits + self.false)

    @property
    def recall(self) -> np.ndarray:
        """np.ndarray: (N,), share of the pixels with the lesion that are predicted."""
        return self.hits / self.positives

    @property
    def dice(self) -> np.ndarray:
        """np.ndarray: (N,), Dice of the prediction ``score >= scores``."""
        return 2 * self.hits / (self.hits + self.false + self.positives)

    @property
    def average_precision(self) -> float:
        """float: step-wise, NaN if no pixel has the lesion."""
        if self.positives == 0:
            return float('nan')
        steps = np.diff(self.hits, prepend=0) / self.positives
        return float((self.precision * steps).sum())


def pooled_curve(scores: Sequence[ImageScores], lesion: int) -> Curve:
    """Return the precision-recall curve of many photographs' pixels pooled.

    Args:
        scores (Sequence[ImageScores]): of photographs with probabilities.
        lesion (int): 0 for the first.

    Returns:
        Curve: empty if no pixel has the lesion.
    """
    histogram = pool([image.histograms[lesion] for image in scores])
    keys = histogram.positive_keys
    hits, false = histogram.at(keys)
    return Curve(key_scores(keys), hits, false, int(hits[-1]) if len(keys) else 0)


def average_precision(scores: Sequence[ImageScores], lesion: int) -> float:
    """Step-wise average precision over all pixels, as scikit-learn defines it.

    AP = sum over thresholds of (R_n - R_(n-1)) * P_n, with precision P_n and recall
    R_n of all photographs' pixels pooled. Within 1e-4 of the exact value, whatever
    the scores are.

    Args:
        scores (Sequence[ImageScores]): of all photographs.
        lesion (int): 0 for the first.

    Returns:
        float: NaN if no photograph has the lesion.
    """
    return pooled_curve(scores, lesion).average_precision


def fixed_area(above: np.ndarray, positives: np.ndarray, thresholds: int) -> np.ndarray:
    """Area under precision and recall at fixed, equally spaced thresholds.

    Prediction is ``score > threshold``, precision 1 where nothing is predicted,
    trapezoids over recall: the protocols m2mrf-11 and idrid-33.

    Args:
        above (np.ndarray): (..., 2, 41), see
            :class:`~hacdr.evaluation.ImageScores`.
        positives (np.ndarray): (...), pixels with the lesion.
        thresholds (int): 11 or 33.

    Returns:
        np.ndarray: (...), NaN where no pixel has the lesion.
    """
    chosen = np.linspace(0, 1, thresholds).astype(np.float32)
    chosen = np.searchsorted(THRESHOLDS, chosen)
    hits, false = np.moveaxis(np.asarray(above, float)[..., chosen], -2, 0)
    positives = np.asarray(positives, float)
    recall = safe_divide(hits, positives[..., None])
    precision = np.where(hits + false > 0, safe_divide(hits, hits + false), 1)
    # numpy's own rule is trapz before version 2 and trapezoid from then on.
    heights = (precision[..., 1:] + precision[..., :-1]) / 2
    return -np.sum(np.diff(recall) * heights, axis=-1)


def safe_divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide; NaN where the denominator is 0, without a warning."""
    shape = np.broadcast(numerator, denominator).shape
    out = np.full(shape, np.nan)
    return np.divide(numerator, denominator, out=out, where=denominator != 0)


def count_figures(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Figures that follow from pixel counts.

    Args:
        counts (np.ndarray): (3, ...): predicted rightly, predicted at all, there.

    Returns:
        dict[str, np.ndarray]: 'Dice', 'IoU', 'Precision' and 'Recall' (...). NaN where
        the lesion is neither there nor predicted (Dice, IoU), nowhere predicted
        (Precision), nowhere there (Recall).
    """
    hits, predicted, actual = np.asarray(counts, float)
    return {
        'Dice': safe_divide(2 * hits, predicted + actual),
        'IoU': safe_divide(hits, predicted + actual - hits),
        'Precision': safe_divide(hits, predicted),
        'Recall': safe_divide(hits, actual),
    }


def counts_at(image: ImageScores, thresholds: Sequence[float]) -> np.ndarray:
    """Return pixel counts of the prediction ``score >= threshold``.

    Args:
        image (ImageScores): with probabilities.
        thresholds (Sequence[float]): one for each lesion.

    Returns:
        np.ndarray: int64 (3, lesions), as ``ImageScores.counts``; predicted pixels
        are accurate to 2e-4 of themselves.
    """
    keys = score_keys(np.asarray(thresholds))
    pairs = [one.at(key) for one, key in zip(image.histograms, keys)]
    hits, false = np.array(pairs).T
    return np.stack([hits, hits + false, image.counts[2]])


def figures(
    scores: Sequence[ImageScores], thresholds: Sequence[float] | None = None
) -> dict[str, np.ndarray]:
    """Return all figures of many photographs, pixels pooled.

    Args:
        scores (Sequence[ImageScores]): one for each photograph.
        thresholds (Sequence[float], optional): one for each lesion, for 'Dice@t'.

    Returns:
        dict[str, np.ndarray]: metric -> (lesions,). With probabilities 'AUPR',
        'm2mrf-11' and 'idrid-33', NaN where no photograph has the lesion; 'Dice',
        'IoU', 'Precision', 'Recall' at the argmax, see :func:`count_figures`; and
        with thresholds 'Dice@t', Dice of the prediction ``score >= threshold``.
    """
    result = {}
    counts = sum(image.counts for image in scores)
    if has_probabilities(scores):
        lesions = range(counts.shape[1])
        result['AUPR'] = np.array([average_precision(scores, k) for k in lesions])
        above = sum(image.above for image in scores)
        for name, size in FIXED_PROTOCOLS.items():
            result[name] = fixed_area(above, counts[2], size)
    result.update(count_figures(counts))
    if thresholds is not None:
        at = sum(counts_at(image, thresholds) for image in scores)
        result['Dice@t'] = count_figures(at)['Dice']
    return result


def has_probabilities(scores: Sequence[ImageScores]) -> bool:
    """Tell whether every photograph was predicted with probabilities."""
    return all(image.histograms for image in scores)


def nan_mean(values: np.ndarray, axis: int = -1) -> np.ndarray:
    """Mean of what is not NaN along an axis; NaN where all is."""
    values = np.asarray(values, float)
    defined = ~np.isnan(values)
    return safe_divide(np.where(defined, values, 0).sum(axis), defined.sum(axis))


def best_dice_thresholds(scores: Sequence[ImageScores]) -> list[float]:
    """Return for each lesion the threshold of the best pooled Dice.

    To be chosen on validation photographs, never on those of a test.

    Args:
        scores (Sequence[ImageScores]): with probabilities.

    Returns:
        list[float]: the highest of equally good ones, prediction being
        ``score >= threshold``; 0.5 for a lesion that no photograph has.
    """
    best = []
    for k in range(len(scores[0].histograms)):
        curve = pooled_curve(scores, k)
        is_present = curve.positives > 0
        best.append(float(curve.scores[curve.dice.argmax()]) if is_present else 0.5)
    return best
