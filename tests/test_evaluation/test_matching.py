import numpy as np
import pytest
from scipy import ndimage

from hacdr.evaluation import froc, match_lesions
from hacdr.evaluation.matching import OVERLAP

SQUARE = np.ones((3, 3))


def picture(*rectangles, size=(20, 30), dtype=np.uint8):
    """Draw (top, left, height, width, value)."""
    drawn = np.zeros(size, dtype)
    for top, left, height, width, value in rectangles:
        drawn[top : top + height, left : left + width] = value
    return drawn


def naive(scores, ground_truth, threshold):
    """Found lesions, predicted and false components at one threshold."""
    lesions, count = ndimage.label(ground_truth, SQUARE)
    predicted, components = ndimage.label(scores >= threshold, SQUARE)
    found = sum(
        (scores[lesions == k] >= threshold).sum() >= OVERLAP * (lesions == k).sum()
        for k in range(1, count + 1)
    )
    false = sum(
        ground_truth[predicted == k].sum() < OVERLAP * (predicted == k).sum()
        for k in range(1, components + 1)
    )
    return found, components, false


@pytest.mark.parametrize('seed', range(5))
def test_equals_scipy_lesion_by_lesion(seed):
    rng = np.random.default_rng(seed)
    ground_truth = (
        ndimage.gaussian_filter(rng.normal(size=(60, 80)), 2) > 0.08
    ).astype('u1')
    noise = ndimage.gaussian_filter(rng.normal(size=ground_truth.shape), 1.5)
    scores = np.clip(0.4 + noise + 0.2 * ground_truth, 0, 1).astype(np.float32)
    thresholds = np.float32([0.3, 0.4, 0.5, 0.6])
    matches = match_lesions(scores, ground_truth << 2, 2, thresholds)
    for k, threshold in enumerate(thresholds):
        found, components, false = naive(scores, ground_truth, threshold)
        assert (matches.found_at >= threshold).sum() == found
        assert matches.predicted[k] == components
        assert matches.false[k] == false


def test_a_fifth_of_the_lesion_finds_it():
    ground_truth = picture((2, 2, 2, 5, 1))
    one, two = picture((2, 2, 1, 1, 1)), picture((2, 2, 1, 2, 1))
    for hit, found in ((one, 0), (two, 1)):
        matches = match_lesions(hit.astype(np.float32), ground_truth, 0, [0.5])
        assert (matches.found_at >= 0.5).sum() == found
        assert (matches.predicted.tolist(), matches.false.tolist()) == ([1], [0])


def test_a_blot_over_a_small_lesion_finds_it_and_is_false():
    ground_truth = picture((5, 5, 2, 2, 1))
    blot = picture((0, 0, 12, 12, 1)).astype(np.float32)
    matches = match_lesions(blot, ground_truth, 0, [0.5])
    assert (matches.found_at >= 0.5).sum() == 1
    assert matches.false.tolist() == [1]


def test_corners_connect():
    ground_truth = picture((2, 2, 1, 1, 1), (3, 3, 1, 1, 1))
    matches = match_lesions(ground_truth.astype(np.float32), ground_truth, 0, [0.5])
    assert len(matches.found_at) == 1
    assert matches.predicted.tolist() == [1]


def test_what_does_not_count_is_cut_out():
    ground_truth = picture((2, 2, 2, 2, 1), (10, 10, 2, 2, 129))
    scores = picture((2, 2, 2, 2, 1), (10, 10, 3, 3, 1)).astype(np.float32)
    matches = match_lesions(
        scores, ground_truth | picture((12, 0, 1, 30, 128)), 0, [0.5]
    )
    assert len(matches.found_at) == 1
    # Of the second prediction a strip of one pixel's width is left.
    assert matches.predicted.tolist() == [2]
    assert matches.false.tolist() == [1]


def test_froc():
    ground_truth = picture((2, 2, 2, 2, 1), (8, 8, 2, 2, 1))
    scores = picture(
        (2, 2, 2, 2, 0.9), (8, 8, 2, 2, 0.4), (15, 15, 2, 2, 0.6), dtype=np.float32
    )
    empty = np.zeros_like(ground_truth)
    thresholds = (0.3, 0.5, 0.7)
    curve = froc(
        [
            match_lesions(scores, ground_truth, 0, thresholds),
            match_lesions(empty.astype(np.float32), empty, 0, thresholds),
        ]
    )
    assert curve['lesions'] == 2
    assert curve['thresholds'] == [0.3, 0.5, 0.7]
    assert curve['sensitivity'] == [1, 0.5, 0.5]
    assert curve['false_per_image'] == [0.5, 0.5, 0]
    # 0.5 with at most 1/8 and 1/4 false findings a photograph, 1 with more.
    assert curve['score'] == pytest.approx((2 * 0.5 + 5 * 1) / 7)


def test_a_working_threshold_leaves_the_froc_score_alone():
    ground_truth = picture((2, 2, 2, 2, 1))
    scores = picture((2, 2, 2, 2, 0.65), (8, 8, 2, 2, 0.6), dtype=np.float32)
    curve, more = (
        froc([match_lesions(scores, ground_truth, 0, thresholds)])
        for thresholds in ((0.5, 0.7), (0.5, 0.62, 0.7))
    )
    assert more['sensitivity'] == [1, 1, 0]
    assert more['score'] == curve['score'] == pytest.approx(4 / 7)


def test_froc_without_lesions():
    empty = np.zeros((4, 4), np.uint8)
    scores = np.full((4, 4), 0.5, np.float32)
    curve = froc([match_lesions(scores, empty, 0, [0.3, 0.7])])
    assert curve['lesions'] == 0
    assert curve['sensitivity'] == [None, None]
    assert curve['false_per_image'] == [1, 0]
    assert curve['score'] is None


def test_froc_without_predictions():
    ground_truth = picture((2, 2, 2, 2, 1))
    curve = froc(
        [
            match_lesions(
                np.zeros(ground_truth.shape, np.float32), ground_truth, 0, [0.5]
            )
        ]
    )
    assert curve['sensitivity'] == [0]
    assert curve['false_per_image'] == [0]
    assert curve['score'] == 0
