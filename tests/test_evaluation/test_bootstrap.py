import numpy as np
import pytest

from hacdr.evaluation import bootstrap, draw_weights, figures, intervals, resample
from hacdr.evaluation.bootstrap import interval

from .small_predictions import binary, photograph


def test_draws_are_those_of_their_seed():
    weights = draw_weights(5, 300)
    assert weights.shape == (300, 5)
    assert (weights.sum(1) == 5).all()
    np.testing.assert_array_equal(weights, draw_weights(5, 300))
    assert (weights != draw_weights(5, 300, seed=1)).any()
    assert weights.mean(0) == pytest.approx(np.ones(5), abs=0.2)


def test_a_draw_is_scored_like_its_photographs(scores):
    thresholds = [0.3, 0.4, 0.5, 0.6]
    weights = np.array([[1, 1, 1], [3, 0, 0], [0, 2, 1]], float)
    drawn = resample(scores, weights, thresholds)
    for row, counts in enumerate(weights.astype(int)):
        chosen = [one for one, n in zip(scores, counts) for _ in range(n)]
        for metric, expected in figures(chosen, thresholds).items():
            values = drawn[metric][row]
            np.testing.assert_allclose(values[:4], expected, atol=2e-3, err_msg=metric)
            mean = np.nanmean(expected)
            assert values[4] == pytest.approx(mean, abs=2e-3)


def test_intervals_surround_the_figures():
    scores = [photograph(seed) for seed in range(12)]
    ends, point = intervals(scores), figures(scores)
    for metric, values in point.items():
        low, high = ends[metric][:4].T
        assert (low < values).all(), metric
        assert (values < high).all(), metric
    again = intervals(scores)
    np.testing.assert_array_equal(again['AUPR'], ends['AUPR'])


def test_more_photographs_narrow_the_intervals():
    few, many = ([photograph(seed) for seed in range(n)] for n in (4, 40))
    widths = [np.diff(intervals(one)['Dice'][4])[0] for one in (few, many)]
    assert widths[1] < widths[0] / 2


def test_a_lesion_in_one_photograph_only():
    scores = [photograph(0), *(photograph(k, absent=(4,)) for k in range(1, 5))]
    for metric, ends in intervals(scores).items():
        assert np.isfinite(ends[:3]).all(), metric
        assert np.isnan(ends[3:]).all(), metric
    # Nor is it part of a mean of those that two photographs have.
    assert np.isfinite(intervals(scores[1:])['Dice'][4]).all()


def test_draws_without_the_largest_lesion():
    """Small, faint lesions have steps of recall of their own."""
    rng = np.random.default_rng(0)
    large = rng.uniform(0.5, 1, 20000), rng.beta(1, 30, 20000)
    faint = rng.uniform(0.01, 0.4, 50), rng.beta(1, 30, 20000)
    scores = [
        binary(np.concatenate(pair), np.repeat([1, 0], [*map(len, pair)]))
        for pair in (large, faint)
    ]
    weights = np.array([[2, 0], [1, 1], [0, 2]], float)
    drawn = resample(scores, weights)['AUPR'][:, 0]
    expected = [figures(one)['AUPR'][0] for one in (scores[:1], scores, scores[1:])]
    np.testing.assert_allclose(drawn, expected, atol=5e-3)
    assert expected[2] < 0.9


def test_steps_do_not_grow_with_the_photographs(monkeypatch):
    monkeypatch.setattr(bootstrap, 'STEPS', 10)
    many = [photograph(k, absent=(2, 3, 4), size=(20, 20)) for k in range(25)]
    for scores in (many[:3], many[:9], many):
        keys = bootstrap._steps([one.histograms[0] for one in scores])
        assert 10 <= len(keys) <= 20
        assert (np.diff(keys) < 0).all()


def test_a_precision_of_one_photograph():
    scores = [photograph(k) for k in range(4)]
    for one in scores[1:]:
        one.counts[:2, 3] = 0
    ends = intervals(scores)
    assert np.isnan(ends['Precision'][3:]).all()
    assert np.isfinite(ends['Recall']).all()


def test_draws_without_the_lesion_have_no_figure():
    """A pixel that is predicted there would make Dice 0."""
    scores = [photograph(0), *(photograph(k, absent=(4,)) for k in (1, 2))]
    weights = np.array([[0, 2, 1], [1, 1, 1]], float)
    for metric, (without, with_it) in resample(scores, weights).items():
        assert np.isnan(without[3:]).all(), metric
        assert np.isfinite(with_it).all(), metric


def test_means_of_draws_are_of_the_same_lesions():
    scores = [photograph(0), *(photograph(k, absent=(4,)) for k in range(1, 5))]
    weights = np.array([[0, 2, 1, 1, 1], [2, 0, 1, 1, 1]], float)
    without, with_all = resample(scores, weights)['AUPR']
    assert np.isfinite(without[:3]).all()
    assert np.isnan(without[3:]).all()
    assert with_all[4] == pytest.approx(with_all[:4].mean())
    # MA is in none of these: their mean is of three.
    drawn = resample(scores[1:], weights[:1, 1:])['AUPR'][0]
    assert drawn[4] == pytest.approx(drawn[:3].mean())


def test_a_lesion_in_no_photograph(scores):
    ends = intervals(scores)
    assert np.isnan(ends['AUPR'][3]).all()
    assert np.isfinite(ends['AUPR'][:3]).all()
    assert np.isfinite(ends['AUPR'][4]).all()


def test_a_single_photograph_has_no_interval(scores):
    assert all(np.isnan(ends).all() for ends in intervals(scores[:1]).values())


def test_the_interval_is_the_middle_of_the_draws():
    values = np.stack([np.arange(1001.0), np.full(1001, np.nan)], 1)
    values[::2, 0] = np.nan
    low, high = interval(values)[0]
    assert (low, high) == pytest.approx((25.95, 974.05))
    assert np.isnan(interval(values)[1]).all()
