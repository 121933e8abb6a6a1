"""Average precision stays within 1e-4 of scikit-learn's, whatever the scores are."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hacdr.errors import InputError
from hacdr.evaluation import average_precision, key_scores, score_keys
from hacdr.evaluation.histogram import (
    NEGATIVE,
    POSITIVE,
    SHARE,
    THRESHOLDS,
    TOP_KEY,
    build_histogram,
    pool,
)

from .small_predictions import binary

ONE = np.float32(1)


def check(p, positive, photographs=1):
    """Compare pooled average precision, pixels dealt out to photographs in turn."""
    p, positive = np.asarray(p, np.float32), np.asarray(positive)
    parts = [slice(k, None, photographs) for k in range(photographs)]
    scores = [binary(p[part], positive[part]) for part in parts]
    expected = average_precision_score(positive, p)
    assert average_precision(scores, 0) == pytest.approx(expected, abs=1e-4)


KINDS = {
    'spread': lambda z: 1 / (1 + np.exp(-z)),
    'near 0': lambda z: 1 / (1 + np.exp(12 - z)),
    'near 1': lambda z: 1 / (1 + np.exp(-12 - z)),
    'at both ends': lambda z: 1 / (1 + np.exp(-20 * z)),
    'smallest numbers': lambda z: np.exp2(-149 + np.clip(z, 0, None) ** 2),
    'in one bin': lambda z: 0.3 + 1e-6 * np.tanh(z),
    'in one bin above': lambda z: 0.7 + 1e-6 * np.tanh(z),
    'rounded': lambda z: np.round(1 / (1 + np.exp(-z)), 1),
    '8 bits': lambda z: np.round(255 / (1 + np.exp(-z))) / 255,
    'two values': lambda z: np.where(z > 1, 0.9, 0.1),
    'constant': lambda z: np.full_like(z, 0.25),
}


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1, 10, 300, 20_000, 120_000]),
    st.floats(-1, 4),
    st.integers(1, 3),
)
@example('in one bin', 0, 120_000, 1.0, 2)
@example('near 1', 0, 120_000, 0.5, 1)
def test_equals_scikit_learn(kind, seed, positives, distance, photographs):
    rng = np.random.default_rng(seed)
    positive = np.zeros(150_000, bool)
    positive[rng.choice(len(positive), positives, replace=False)] = True
    p = KINDS[kind](rng.normal(size=len(positive)) + distance * positive)
    check(np.clip(p, 0, 1), positive, photographs)


# Neighbouring runs of pixels with and without the lesion, dealt out to photographs:
# cliffs in the precision wherever the runs put them.
RUNS = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, 16).flatmap(lambda k: st.integers(2**k // 2 + 1, 2**k)),
        st.sampled_from([0, 1, 2, 511, 512, 4000]),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=30)
@given(RUNS, st.sampled_from([TOP_KEY, TOP_KEY - 1, TOP_KEY // 2 + 7, 1_050_253_722]))
# One photograph has the lesion, the other what looks like it, in the same bin.
@example([(True, 60_000, 0, 0), (False, 60_000, 1, 1)], 1_050_253_722)
@example([(True, 60_000, 1, 0), (False, 60_000, 0, 1)] * 2, 1_050_253_722)
@example([(False, 1, 1, 0), (True, 65_000, 1, 0), (False, 65_000, 1, 0)], TOP_KEY)
def test_equals_scikit_learn_for_any_order(runs, key):
    pixels = []
    for positive, length, step, image in runs:
        keys = np.maximum(key - step * np.arange(length), 0)
        key = max(int(keys[-1]) - 1, 0)
        pixels.append((key_scores(keys), np.full(length, positive), image))
    p, positive = (np.concatenate([one[k] for one in pixels]) for k in (0, 1))
    if not positive.any():
        return
    images = [
        [np.concatenate([one[k] for one in pixels if one[2] == image]) for k in (0, 1)]
        for image in sorted({one[2] for one in pixels})
    ]
    value = average_precision([binary(*image) for image in images], 0)
    assert value == pytest.approx(average_precision_score(positive, p), abs=1e-4)


@pytest.mark.parametrize('kind', sorted(KINDS))
def test_ranks_are_kept_as_promised(kind):
    rng = np.random.default_rng(1)
    positive = rng.random(400_000) < 0.5
    p = KINDS[kind](rng.normal(size=len(positive)) + positive)
    p = np.clip(p, 0, 1).astype(np.float32)
    histogram, _ = build_histogram(p[None], positive.astype(np.uint8)[None], 0)
    keys = score_keys(p)
    at = np.unique(np.concatenate([rng.choice(keys, 3000), rng.choice(keys, 300) + 1]))
    kept, exact = histogram.at(at), []
    for side in (positive, ~positive):
        side = np.sort(keys[side])
        exact.append(len(side) - np.searchsorted(side, at))
    limit = np.minimum(POSITIVE * exact[0], SHARE * positive.sum())
    assert (np.abs(kept[0] - exact[0]) <= limit / 2).all()
    assert (np.abs(kept[1] - exact[1]) <= NEGATIVE * exact[1] / 2).all()


def test_many_pixels_take_few_buckets():
    rng = np.random.default_rng(0)
    sizes = []
    for pixels in (10**5, 10**6, 8 * 10**6):
        p = rng.random(pixels, np.float32)
        histogram, _ = build_histogram(p[None], np.zeros((1, pixels), np.uint8), 0)
        sizes.append(len(histogram.negative_keys))
    # The logarithm of the pixels grows by a third while they grow eightyfold.
    assert sizes[2] < 3 * sizes[0]
    assert sizes[2] < 2 * (1 + np.log(8 * 10**6 * NEGATIVE / 2)) / (NEGATIVE / 2)


def test_thresholds_are_counted_exactly():
    rng = np.random.default_rng(0)
    p = rng.random(50_000, np.float32)
    p[:82] = np.tile(THRESHOLDS, 2)
    p[82:123] = np.nextafter(THRESHOLDS, ONE)
    positive = rng.random(len(p)) < 0.3
    _, above = build_histogram(p[None], positive.astype(np.uint8)[None], 0)
    for k, threshold in enumerate(THRESHOLDS):
        assert above[0, k] == (p[positive] > threshold).sum()
        assert above[1, k] == (p[~positive] > threshold).sum()


def test_the_sum_does_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(4):
        p = np.round(rng.random((1, 3000), np.float32), 3)
        ground_truth = (rng.random(p.shape) < 0.3).astype(np.uint8)
        parts.append(build_histogram(p, ground_truth, 0)[0])
    whole = pickle.dumps(pool(parts))
    for order in itertools.permutations(parts):
        assert pickle.dumps(pool(order)) == whole
    assert pickle.dumps(pool([pool(parts[:1]), pool(parts[1:])])) == whole


@settings(deadline=None)
@given(st.lists(st.floats(0, 1, width=32), min_size=2))
def test_keys_keep_the_order_and_the_score(scores):
    scores = np.sort(np.array(scores, np.float32))
    keys = score_keys(scores)
    assert (np.sign(np.diff(keys)) == np.sign(np.diff(scores))).all()
    assert keys.min() >= 0
    assert keys.max() <= TOP_KEY
    np.testing.assert_array_equal(key_scores(keys), scores)


@pytest.mark.parametrize('bad', [np.nan, -0.001, 1.0001, np.inf])
def test_scores_out_of_range(bad):
    p = np.array([[0.1, bad]], np.float32)
    with pytest.raises(InputError, match=r'a\.jpg: the network predicts'):
        build_histogram(p, np.zeros((1, 2), np.uint8), 0, 'a.jpg')
    # A pixel that does not count is not looked at.
    build_histogram(p, np.array([[0, 128]], np.uint8), 0, 'a.jpg')
