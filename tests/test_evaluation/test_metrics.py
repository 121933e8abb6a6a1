import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from hacdr.evaluation import (
    average_precision,
    best_dice_thresholds,
    figures,
    ground_truth_bits,
    pooled_curve,
    score_image,
)
from hacdr.evaluation.metrics import counts_at
from hacdr.lesions import LESIONS

from .small_predictions import binary

REFERENCE = np.load(Path(__file__).parents[1] / 'data' / 'metrics.npz')
EXPECTED = json.loads(str(REFERENCE['expected']))
MAPS = [(REFERENCE[f'prob{i}'], REFERENCE[f'label{i}']) for i in range(3)]


@pytest.fixture(scope='module')
def reference():
    return [score_image(p, ground_truth_bits(label)) for p, label in MAPS]


@pytest.mark.parametrize(
    ('metric', 'key', 'tolerance'),
    [
        ('AUPR', 'exact', 1e-6),
        ('m2mrf-11', 'm2mrf-11', 1e-12),
        ('idrid-33', 'idrid-33', 1e-12),
        ('Dice', 'dice_argmax', 1e-12),
        ('IoU', 'iou_argmax', 1e-12),
    ],
)
def test_every_protocol_of_the_reference(reference, metric, key, tolerance):
    expected = [EXPECTED[key][lesion] for lesion in LESIONS]
    assert figures(reference)[metric] == pytest.approx(expected, abs=tolerance)


def test_average_precision_of_each_photograph(reference):
    for k, lesion in enumerate(LESIONS):
        for image, expected in zip(reference, EXPECTED['exact_per_image'][lesion]):
            value = average_precision([image], k)
            if expected is None:
                assert np.isnan(value)
            else:
                assert value == pytest.approx(expected, abs=1e-6)


def test_precision_and_recall_at_the_argmax():
    label = np.array([[1, 1, 1, 0, 0]], np.uint8)
    predicted = np.array([[1, 1, 0, 1, 2]])
    values = figures([score_image(predicted, ground_truth_bits(label))])
    assert values['Precision'][:2] == pytest.approx([2 / 3, 0])
    assert values['Recall'][0] == pytest.approx(2 / 3)
    assert np.isnan(values['Recall'][1])


def test_the_curve_equals_scikit_learn():
    rng = np.random.default_rng(0)
    positive = rng.random(2000) < 0.3
    p = np.round(rng.random(2000, np.float32) / 2 + positive / 3, 2).astype(np.float32)
    curve = pooled_curve([binary(p, positive)], 0)
    precision, recall, thresholds = precision_recall_curve(positive, p)
    at = np.searchsorted(thresholds, curve.scores)
    np.testing.assert_array_equal(thresholds[at], curve.scores)
    np.testing.assert_allclose(curve.precision, precision[at])
    np.testing.assert_allclose(curve.recall, recall[at])


def test_counts_at_any_threshold():
    rng = np.random.default_rng(0)
    positive = rng.random(2000) < 0.3
    p = rng.random(2000, np.float32)
    image = binary(p, positive)
    for threshold in (0.0, 0.123, float(p[7]), 1.0):
        hits, predicted, actual = counts_at(image, [threshold] * 4)[:, 0]
        assert hits == (positive & (p >= np.float32(threshold))).sum()
        assert predicted == (p >= np.float32(threshold)).sum()
        assert actual == positive.sum()


def test_the_threshold_of_best_dice():
    p, positive = [0.9, 0.7, 0.6, 0.2, 0.1], [1, 0, 1, 1, 0]
    image = binary(p, positive)
    threshold, *others = best_dice_thresholds([image])
    assert np.float32(threshold) == np.float32(0.2)
    assert others == [0.5, 0.5, 0.5]
    dice = figures([image], [threshold] * 4)['Dice@t'][0]
    assert dice == pytest.approx(2 * 3 / (4 + 3))


def test_a_lesion_that_no_photograph_has():
    image = binary([0.9, 0.2, 0.1], [1, 0, 0])
    values = figures([image])
    for metric in ('AUPR', 'm2mrf-11', 'idrid-33', 'Dice', 'IoU', 'Recall'):
        assert np.isnan(values[metric][3]), metric
        assert values[metric][0] == 1, metric


def test_a_lesion_that_is_predicted_where_there_is_none():
    values = figures([binary([0.9, 0.2], [0, 0])])
    assert values['Dice'][0] == values['IoU'][0] == values['Precision'][0] == 0
    assert np.isnan(values['AUPR'][0])


def test_a_lesion_that_is_never_predicted():
    values = figures([binary([0.0, 0.0, 0.0, 0.0], [1, 0, 0, 0])])
    assert values['AUPR'][0] == 0.25
    # Nothing is above the threshold 0: precision 1 at recall 0, an area of 0.
    assert values['m2mrf-11'][0] == 0
    assert values['Dice'][0] == values['Recall'][0] == 0
    assert np.isnan(values['Precision'][0])


def test_no_pixel_that_counts():
    values = figures([binary([0.3, 0.4], [255, 255])])
    assert all(np.isnan(value).all() for value in values.values())


def test_a_label_map_has_dice_but_no_average_precision():
    label = np.array([[0, 1], [1, 4]], np.uint8)
    values = figures([score_image(label, ground_truth_bits(label))])
    assert 'AUPR' not in values
    assert values['Dice'][0] == 1
