import json
import threading
from pathlib import Path

import numpy as np
import pytest
from pictures import binary, photograph
from sklearn.metrics import precision_recall_curve

from hacdr.errors import InputError
from hacdr.evaluation import (
    average_precision,
    best_dice_thresholds,
    figures,
    ground_truth_bits,
    pooled_curve,
    score_image,
)
from hacdr.evaluation.scores import counts_at, parallel_for
from hacdr.lesions import LESIONS

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


def test_the_first_of_equal_classes_wins():
    half = np.full((2, 1, 1), 0.5, np.float32)
    probabilities = np.concatenate([half, np.zeros((3, 1, 1), np.float32)])
    image = score_image(probabilities, ground_truth_bits(np.ones((1, 1), np.uint8)))
    assert image.counts[1].tolist() == [0, 0, 0, 0]


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


def test_what_is_kept_does_not_grow_with_the_photograph():
    rng = np.random.default_rng(0)
    small, large = (binary(rng.random(n), np.zeros(n)) for n in (10**5, 10**6))
    sizes = [len(image.histograms[0].negative_keys) for image in (small, large)]
    assert sizes[1] < 2 * sizes[0]
    assert small.above.shape == large.above.shape


def test_ignored_pixels_do_not_count():
    image = binary([0.9, 0.8, 0.1], [1, 255, 0])
    assert average_precision([image], 0) == 1
    assert image.pixels == 2
    assert image.counts[1].sum() == 1


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


def test_overlapping_lesions_both_count():
    masks = np.array([[0b11, 0]], np.uint8)
    ground_truth = ground_truth_bits(np.array([[2, 0]], np.uint8), masks)
    p = np.array([[[0.1, 0.9]], [[0.5, 0.1]], [[0.4, 0.0]]], np.float32)
    p = np.concatenate([p, np.zeros((2, 1, 2), np.float32)])
    values = figures([score_image(p, ground_truth)])
    assert values['AUPR'][:2].tolist() == [1, 1]
    assert values['Dice'][:2].tolist() == [1, 0]


@pytest.mark.parametrize('dtype', [np.float64, np.float16])
def test_other_floating_types(dtype):
    p = np.array([[[0.25, 0.5]], [[0.75, 0.5]]] + [[[0, 0]]] * 3, dtype)
    image = score_image(p, ground_truth_bits(np.array([[1, 0]], np.uint8)))
    assert average_precision([image], 0) == 1


def test_threads_change_nothing():
    # More pixels than one thread takes at a time.
    size = (600, 500)
    one = photograph(0, size=size, match_at=[[0.5]] * 4)
    three = photograph(0, size=size, match_at=[[0.5]] * 4, threads=3)
    np.testing.assert_array_equal(one.counts, three.counts)
    np.testing.assert_array_equal(one.above, three.above)
    for a, b in zip(one.histograms, three.histograms):
        np.testing.assert_array_equal(a.positives, b.positives)
        np.testing.assert_array_equal(a.negative_keys, b.negative_keys)
    for a, b in zip(one.matches, three.matches):
        np.testing.assert_array_equal(a.found_at, b.found_at)


def test_parallel_for():
    together = threading.Barrier(3)

    def work(task):
        together.wait(10)
        return 2 * task

    assert parallel_for(work, range(3), 3) == [0, 2, 4]
    assert parallel_for(str, range(12), 3) == [str(task) for task in range(12)]
    with pytest.raises(ZeroDivisionError):
        parallel_for(lambda task: 1 / task, range(3), 2)


@pytest.mark.parametrize(
    ('prediction', 'message'),
    [
        (np.zeros((5, 2, 3), np.float32), r'a\.jpg.*\(5, 2, 3\).*\(5, 2, 2\)'),
        (np.zeros((4, 2, 2), np.float32), r'a\.jpg.*\(4, 2, 2\).*\(5, 2, 2\)'),
        (np.zeros((3, 2), np.uint8), r'a\.jpg.*\(3, 2\).*\(2, 2\)'),
        (np.full((2, 2), 7), r'a\.jpg.*7 to 7, expected 0 to 4'),
        (np.full((5, 2, 2), np.nan, np.float32), r'a\.jpg.*\[0, 1\]'),
        (np.full((5, 2, 2), 1.5, np.float32), r'a\.jpg.*\[0, 1\]'),
    ],
)
def test_predictions_that_do_not_fit(prediction, message):
    with pytest.raises(InputError, match=message):
        score_image(prediction, np.zeros((2, 2), np.uint8), 'a.jpg')
