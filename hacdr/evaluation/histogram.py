"""Histograms of scores that keep ranks: small, additive, and exact enough to prove.

Two lists of buckets for each photograph and lesion, one of the pixels with the lesion
and one of those without: a score and how many pixels are placed there. Buckets are as
narrow as ranks demand. With T(t) and F(t) the numbers of a photograph's pixels with
and without the lesion whose score is at least t, and P = T(0), the histogram's own
numbers T' and F' satisfy for every t

    |F'(t) - F(t)| <= NEGATIVE / 2 * F(t)
    |T'(t) - T(t)| <= min(POSITIVE * T(t), SHARE * P) / 2

whatever the scores are: a bucket that would hold more is divided, down to single values
of float32, where all its pixels are true ties. Both inequalities survive addition, so
sums over photographs satisfy them too; docs/evaluation.md derives from them that
average precision is within 1e-4. Two neighbouring buckets hold more than the limit's
share of the pixels down to them, so their number grows with the logarithm of the
photograph's size at most.

A photograph is gone through twice. The first pass counts pixels by bins of equal
width; the second collects, one by one, the pixels of bins that are too full for a
bucket. Whole bins and single pixels, from the highest score down, are then joined to
buckets::

    bins      |   3   |   1   | 9000  |   2   |    9000: too full, divided
    members       3   1  [4000][2][4998]  2        whole bins and equal scores
    buckets      [4 ]    [4000][  5000 ] [2]       as many pixels as the limit allows

Keys. A score is held as an integer that keeps the order: its float32 bits up to 0.5,
and mirrored above, ``TOP_KEY`` minus the bits of 1 - score, which float32 holds
exactly. Distances from either end are resolved alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from hacdr.errors import InputError

from . import kernels
from .kernels import BIN_ROUND, BIN_SHIFT, HALF_KEY, TOP_KEY

NEGATIVE = 4e-4
POSITIVE = 2e-4
SHARE = 5e-5
# The first pass counts by bins of equal width in keys. A bin that holds more than this
# share of the limit is divided.
BIN_LIMIT = 1 / 4
BINS = ((TOP_KEY + BIN_ROUND) >> BIN_SHIFT) + 1

# Number of equally spaced thresholds of each protocol that has fixed ones.
FIXED_PROTOCOLS = {'m2mrf-11': 11, 'idrid-33': 33}
THRESHOLDS = np.unique(
    np.concatenate([np.linspace(0, 1, number) for number in FIXED_PROTOCOLS.values()])
).astype(np.float32)


@dataclass
class Histogram:
    """Pixels with (positive) and without (negative) a lesion by their score.

    Attributes:
        positive_keys, negative_keys (np.ndarray): int32 (N,), strictly falling.
        positives, negatives (np.ndarray): int64 (N,), pixels at each key.
    """

    positive_keys: np.ndarray
    positives: np.ndarray
    negative_keys: np.ndarray
    negatives: np.ndarray

    def at(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return how many pixels have at least the given scores.

        Args:
            keys (np.ndarray): int, any shape.

        Returns:
            tuple[np.ndarray, np.ndarray]: int64, pixels with and without the lesion.
        """
        return (
            _at_least(self.positive_keys, self.positives, keys),
            _at_least(self.negative_keys, self.negatives, keys),
        )


def _at_least(falling, counts, keys):
    cumulated = np.concatenate([[0], np.cumsum(counts)])
    return cumulated[np.searchsorted(-falling, -np.asarray(keys), side='right')]


def score_keys(scores: np.ndarray) -> np.ndarray:
    """Return the keys of scores in [0, 1].

    Args:
        scores (np.ndarray): converted to float32, any shape.

    Returns:
        np.ndarray: int32, the same shape.
    """
    scores = np.ascontiguousarray(scores, np.float32)
    keys = np.empty(scores.shape, np.int32)
    kernels.keys_of(scores.ravel(), scores.view(np.int32).ravel(), keys.ravel())
    return keys


def key_scores(keys: np.ndarray) -> np.ndarray:
    """Return the scores of keys: the inverse of :func:`score_keys`, float32."""
    keys = np.asarray(keys, np.int32)
    near = np.where(keys <= HALF_KEY, keys, TOP_KEY - keys).astype(np.int32)
    near = near.view(np.float32)
    return np.where(keys <= HALF_KEY, near, np.float32(1) - near)


def pool(histograms: Sequence[Histogram]) -> Histogram:
    """Add histograms up.

    Args:
        histograms (Sequence[Histogram]): in any order; the sum is the same.

    Returns:
        Histogram: of all pixels.
    """
    pooled = []
    for names in (('positive_keys', 'positives'), ('negative_keys', 'negatives')):
        keys, counts = (
            np.concatenate([getattr(one, name) for one in histograms]) for name in names
        )
        order = np.argsort(-keys, kind='stable')
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.diff(keys, prepend=TOP_KEY + 1))
        pooled += [keys[first], np.add.reduceat(counts, first) if len(keys) else counts]
    return Histogram(*pooled)


def build_histogram(
    scores: np.ndarray, ground_truth: np.ndarray, lesion: int, name: str = 'photograph'
) -> tuple[Histogram, np.ndarray]:
    """Reduce the scores of one photograph and lesion.

    Args:
        scores (np.ndarray): float32 (H, W), contiguous, in [0, 1].
        ground_truth (np.ndarray): uint8 (H, W), see
            :func:`hacdr.evaluation.ground_truth_bits`.
        lesion (int): 0 for the first.
        name (str): the photograph, for the error.

    Returns:
        tuple[Histogram, np.ndarray]: the histogram, and exact numbers of pixels with
        (row 0) and without (row 1) the lesion whose score is greater than each of
        ``THRESHOLDS``, int64 (2, 41).

    Raises:
        InputError: a score outside [0, 1] or NaN.
    """
    pixels = scores.ravel(), scores.view(np.int32).ravel(), ground_truth.ravel(), lesion
    histogram = np.zeros((2, BINS), np.int32)
    bad = kernels.count_scores(*pixels, histogram)
    if bad >= 0:
        raise InputError(
            f'{name}: the network predicts {scores.ravel()[bad]} there, expected '
            'scores from 0 to 1'
        )
    # From here on pixels with the lesion come first, those without second.
    limits = (POSITIVE, SHARE * int(histogram[0].sum())), (NEGATIVE, np.inf)
    filled = [_filled(row) for row in histogram]
    thresholds = score_keys(THRESHOLDS)
    divided = _find_bins_to_divide(filled, limits, thresholds)
    single_keys = _collect_keys(pixels, filled, divided)
    above, buckets = [], []
    for (bins, counts), divide, singles, limit in zip(
        filled, divided, single_keys, limits
    ):
        whole = ~divide[bins]
        lowest, highest, pixel_counts = _merge(bins[whole], counts[whole], singles)
        above.append(_at_least(lowest, pixel_counts, thresholds + 1))
        buckets.append(_group(lowest, highest, pixel_counts, *limit))
    return Histogram(*buckets[0], *buckets[1]), np.stack(above)


def _filled(row):
    """Return the bins that are not empty, falling, and their counts."""
    bins, counts = np.empty((2, np.count_nonzero(row)), np.int64)
    kernels.filled_bins(row, bins, counts)
    return bins, counts


def _find_bins_to_divide(filled, limits, thresholds):
    """Tell the bins whose pixels must be known one by one, bool (2, BINS).

    They hold too many pixels for a bucket, or a threshold lies inside.
    """
    divided = np.zeros((2, BINS), bool)
    for row, (bins, counts), limit in zip(divided, filled, limits):
        relative, absolute = (BIN_LIMIT * part for part in limit)
        row[bins] = counts > np.minimum(relative * np.cumsum(counts), absolute)
    inside = thresholds[thresholds & BIN_ROUND > 0]
    divided[:, (inside + BIN_ROUND) >> BIN_SHIFT] = True
    # In the bins at both ends there is but one value, 0 and 1.
    divided[:, [0, -1]] = False
    return divided


def _collect_keys(pixels, filled, divided):
    """Return the keys of all pixels in bins to divide: with and without the lesion."""
    total = sum(counts[row[bins]].sum() for row, (bins, counts) in zip(divided, filled))
    keys, sizes = np.empty(int(total), np.int32), np.empty(2, np.int64)
    lowest = (np.argmax(divided, 1) - 1) << BIN_SHIFT
    kernels.collect_keys(*pixels, divided, lowest, keys, sizes)
    return keys[: sizes[0]], keys[len(keys) - sizes[1] :]


def _merge(bins, counts, keys):
    """Return whole bins and single keys, falling: lowest and highest key, counts."""
    size = len(bins) + len(keys)
    members = [np.empty(size, dtype) for dtype in (np.int32, np.int32, np.int64)]
    size = kernels.merge(bins, counts, np.sort(keys), *members)
    return [one[:size] for one in members]


def _group(lowest, highest, counts, relative, absolute):
    """Return the keys and the counts of the buckets that members are joined to."""
    keys, sums = np.empty(len(counts), np.int32), np.empty(len(counts), np.int64)
    limits = relative / 2, absolute / 2
    size = kernels.group(lowest, highest, counts, *limits, keys, sums)
    return keys[:size].copy(), sums[:size].copy()
