import threading

import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.evaluation import (
    average_precision,
    figures,
    ground_truth_bits,
    score_image,
)
from hacdr.evaluation.scores import parallel_for

from .small_predictions import binary, photograph


def test_the_first_of_equal_classes_wins():
    half = np.full((2, 1, 1), 0.5, np.float32)
    probabilities = np.concatenate([half, np.zeros((3, 1, 1), np.float32)])
    image = score_image(probabilities, ground_truth_bits(np.ones((1, 1), np.uint8)))
    assert image.counts[1].tolist() == [0, 0, 0, 0]


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
        (np.full((5, 2, 2), np.nan, np.float32), r'a\.jpg.*from 0 to 1'),
        (np.full((5, 2, 2), 1.5, np.float32), r'a\.jpg.*from 0 to 1'),
    ],
)
def test_predictions_that_do_not_fit(prediction, message):
    with pytest.raises(InputError, match=message):
        score_image(prediction, np.zeros((2, 2), np.uint8), 'a.jpg')
