import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from hacdr.errors import InputError
from hacdr.evaluation import LESIONS, average_precision, score_image, summarise
from hacdr.evaluation.scores import BINS, score_bins

REFERENCE = np.load(Path(__file__).parents[1] / 'data' / 'metrics.npz')
EXPECTED = json.loads(str(REFERENCE['expected']))
MAPS = [(REFERENCE[f'prob{i}'], REFERENCE[f'label{i}']) for i in range(3)]


@pytest.fixture(scope='module')
def scores():
    return [score_image(probabilities, label) for probabilities, label in MAPS]


def binary(p, positive):
    """Score one row of pixels of which some are exudates."""
    p = np.asarray(p, np.float32)[None]
    rest = np.zeros((3, *p.shape), np.float32)
    probabilities = np.concatenate([[1 - p], [p], rest])
    return score_image(probabilities, np.asarray(positive, np.uint8)[None])


def test_exact_average_precision_of_the_reference(scores):
    for k, lesion in enumerate(LESIONS):
        value = average_precision(scores, k)
        assert value == pytest.approx(EXPECTED['exact'][lesion], abs=1e-4)


def test_average_precision_of_each_photograph(scores):
    for k, lesion in enumerate(LESIONS):
        for image, expected in zip(scores, EXPECTED['exact_per_image'][lesion]):
            value = average_precision([image], k)
            if expected is None:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(expected, abs=1e-4)


def test_dice_and_iou_of_the_reference(scores):
    summary = summarise(scores)
    for lesion in LESIONS:
        dice, iou = EXPECTED['dice_argmax'][lesion], EXPECTED['iou_argmax'][lesion]
        assert summary['Dice'][lesion] == pytest.approx(dice, abs=1e-12)
        assert summary['IoU'][lesion] == pytest.approx(iou, abs=1e-12)


def test_means_are_over_the_lesions(scores):
    for values in summarise(scores).values():
        assert values['mean'] == pytest.approx(np.mean([values[k] for k in LESIONS]))


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.001, 0.5),
    st.sampled_from(['spread', 'near 0', 'near 1', 'rounded']),
)
def test_equals_scikit_learn(seed, share, kind):
    rng = np.random.default_rng(seed)
    positive = rng.random(5000) < share
    positive[0] = True
    logit = rng.normal(size=5000) + 2 * positive
    logit += {'near 0': -12, 'near 1': 12}.get(kind, 0)
    p = (1 / (1 + np.exp(-logit))).astype(np.float32)
    if kind == 'rounded':
        p = np.round(p, 1)
    value = average_precision([binary(p, positive)], 0)
    # With few positives the place of a single one weighs much.
    tolerance = 1e-4 + 0.05 / positive.sum()
    assert value == pytest.approx(average_precision_score(positive, p), abs=tolerance)


def test_many_pixels_equal_scikit_learn_within_1e_4():
    rng = np.random.default_rng(0)
    positive = rng.random(300000) < 0.01
    logit = rng.normal(size=300000) * 2 - 4 + 3 * positive
    p = (1 / (1 + np.exp(-logit))).astype(np.float32)
    value = average_precision([binary(p, positive)], 0)
    assert value == pytest.approx(average_precision_score(positive, p), abs=1e-4)


def test_bins_are_monotone_and_in_range():
    near = np.float32(2.0) ** -np.arange(1, 140, dtype=np.float32)
    p = np.sort(np.concatenate([[0, 1], near, 1 - near]).astype(np.float32))
    bins = score_bins(p)
    assert (np.diff(bins) >= 0).all()
    assert bins[0] == 0
    assert bins[-1] == BINS - 1
    assert score_bins(np.float32([-0.0]))[0] == 0


def test_what_is_kept_does_not_grow_with_the_photograph():
    rng = np.random.default_rng(0)
    image = binary(rng.random(10**6), np.zeros(10**6))
    assert len(image.histograms[0][0]) <= BINS


def test_ignored_pixels_do_not_count():
    p, positive = [0.9, 0.8, 0.1], [1, 255, 0]
    image = binary(p, positive)
    assert average_precision([image], 0) == 1
    assert image.predicted.sum() == 2


def test_a_lesion_that_is_absent_is_left_out_of_the_mean():
    summary = summarise([binary([0.9, 0.2, 0.1], [1, 0, 0])])
    assert summary['AUPR']['mean'] == 1
    assert np.isnan(summary['AUPR']['MA'])
    assert np.isnan(summary['Dice']['MA'])


def test_a_label_map_has_dice_but_no_average_precision():
    label = np.array([[0, 1], [1, 4]])
    summary = summarise([score_image(label, label)])
    assert 'AUPR' not in summary
    assert summary['Dice']['EX'] == 1


@pytest.mark.parametrize(
    ('prediction', 'message'),
    [
        (np.zeros((5, 2, 3), np.float32), r'a\.jpg.*\(5, 2, 3\).*\(5, 2, 2\)'),
        (np.zeros((4, 2, 2), np.float32), r'a\.jpg.*\(4, 2, 2\).*\(5, 2, 2\)'),
        (np.zeros((3, 2), np.uint8), r'a\.jpg.*\(3, 2\).*\(2, 2\)'),
        (np.full((5, 2, 2), np.nan, np.float32), r'a\.jpg.*\[0, 1\]'),
        (np.full((5, 2, 2), 1.5, np.float32), r'a\.jpg.*\[0, 1\]'),
    ],
)
def test_predictions_that_do_not_fit(prediction, message):
    with pytest.raises(InputError, match=message):
        score_image(prediction, np.zeros((2, 2), np.uint8), 'a.jpg')
