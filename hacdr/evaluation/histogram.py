"""Histograms of scores that keep ranks: small, additive, and exact enough to prove.

Two lists of cells for each photograph and lesion, one of the pixels with the lesion
and one of those without: a score and how many pixels are placed there. Cells are as
narrow as ranks demand. With T(t) and F(t) the numbers of a photograph's pixels with
and without the lesion whose score is at least t, and P = T(0), the histogram's own
numbers T' and F' satisfy for every t

    |F'(t) - F(t)| <= NEGATIVE / 2 * F(t)
    |T'(t) - T(t)| <= min(POSITIVE * T(t), SHARE * P) / 2

whatever the scores are: a cell that would hold more is divided, down to single values
of float32, where all its pixels are true ties. Both inequalities survive addition, so
sums over photographs satisfy them too; docs/evaluation.md derives from them that
average precision is within 1e-4. Two neighbouring cells hold more than the limit's
share of the pixels down to them, so their number grows with the logarithm of the
photograph's size at most.

Keys. A score is held as an integer that keeps the order: its float32 bits up to 0.5,
and mirrored above, ``TOP_KEY`` minus the bits of 1 - score, which float32 holds
exactly. Distances from either end are resolved alike.
"""

from dataclasses import dataclass

import numpy as np

from hacdr.errors import InputError

from . import kernels
from .kernels import BIN_ROUND, BIN_SHIFT, HALF_KEY, TOP_KEY

NEGATIVE = 4e-4
POSITIVE = 2e-4
SHARE = 5e-5
# A first pass counts by bins of equal width in keys. A bin that holds more than this
# share of the limit is looked at again, value by value.
BIN_LIMIT = 1 / 4
BINS = ((TOP_KEY + BIN_ROUND) >> BIN_SHIFT) + 1

# Of the protocols m2mrf-11 and idrid-33.
THRESHOLDS = np.union1d(np.linspace(0, 1, 11), np.linspace(0, 1, 33)).astype(np.float32)


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

    def at(self, keys):
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


def score_keys(scores):
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


def key_scores(keys):
    """Return the scores of keys: the inverse of :func:`score_keys`, float32."""
    keys = np.asarray(keys, np.int32)
    near = np.where(keys <= HALF_KEY, keys, TOP_KEY - keys).astype(np.int32)
    near = near.view(np.float32)
    return np.where(keys <= HALF_KEY, near, np.float32(1) - near)


def pool(histograms):
    """Add histograms up.

    Args:
        histograms (Sequence[Histogram]): in any order; the sum is the same.

    Returns:
        Histogram: of all pixels.
    """
    sides = []
    for side in (('positive_keys', 'positives'), ('negative_keys', 'negatives')):
        keys, counts = (
            np.concatenate([getattr(one, name) for one in histograms]) for name in side
        )
        order = np.argsort(-keys, kind='stable')
        keys, counts = keys[order], counts[order]
        first = np.flatnonzero(np.diff(keys, prepend=TOP_KEY + 1))
        sides += [keys[first], np.add.reduceat(counts, first) if len(keys) else counts]
    return Histogram(*sides)


def build_histogram(scores, ground_truth, lesion, name='photograph'):
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
            f'{name}: scores must lie in [0, 1], found {scores.ravel()[bad]}'
        )
    total = int(histogram[1].sum())
    limits = (NEGATIVE, np.inf), (POSITIVE, SHARE * total)
    filled = [_filled(row) for row in histogram]
    crowded = np.zeros((2, BINS), bool)
    for side, (bins, counts) in enumerate(filled):
        relative, absolute = (BIN_LIMIT * limit for limit in limits[side])
        rank = np.cumsum(counts)
        crowded[side, bins] = counts > np.minimum(relative * rank, absolute)
    # A threshold inside a bin needs its pixels one by one.
    keys = score_keys(THRESHOLDS)
    crowded[:, (keys[keys & BIN_ROUND > 0] + BIN_ROUND) >> BIN_SHIFT] = True
    # In the bins at both ends there is but one value, 0 and 1.
    crowded[:, [0, -1]] = False
    again = [crowded[side, bins] for side, (bins, _) in enumerate(filled)]
    size = sum(counts[one].sum() for (_, counts), one in zip(filled, again))
    exact = np.empty(int(size), np.int32)
    sizes = np.empty(2, np.int64)
    lowest = (np.argmax(crowded, 1) - 1) << BIN_SHIFT
    kernels.collect_keys(*pixels, crowded, lowest, exact, sizes)
    parts = exact[: sizes[0]], exact[len(exact) - sizes[1] :]
    above, cells = [], []
    for side in (0, 1):
        bins, counts = (one[~again[side]] for one in filled[side])
        lists = _elements(bins, counts, parts[side])
        above.append(_at_least(lists[0], lists[2], keys + 1))
        cells.append(_cells(*lists, *limits[side]))
    return Histogram(*cells[1], *cells[0]), np.stack(above[::-1])


def _filled(row):
    """Return the bins that are not empty, falling, and their counts."""
    bins, counts = np.empty((2, np.count_nonzero(row)), np.int64)
    kernels.filled_bins(row, bins, counts)
    return bins, counts


def _elements(bins, counts, exact):
    """Return whole bins and single values, falling: lowest and highest key, counts."""
    size = len(bins) + len(exact)
    lists = [np.empty(size, kind) for kind in (np.int32, np.int32, np.int64)]
    size = kernels.merge(bins, counts, np.sort(exact), *lists)
    return [one[:size] for one in lists]


def _cells(lowest, highest, counts, relative, absolute):
    keys, cells = np.empty(len(counts), np.int32), np.empty(len(counts), np.int64)
    limits = relative / 2, absolute / 2
    size = kernels.group(lowest, highest, counts, *limits, keys, cells)
    return keys[:size].copy(), cells[:size].copy()
