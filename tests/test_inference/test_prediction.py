import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.inference.prediction import choose_classes, thresholds_to_limits

CLASSES = ('background', 'EX', 'HE')


def test_choose_classes():
    # Pixels: clearly background, HE, both lesions above their thresholds, at one.
    probabilities = np.array(
        [[0.97, 0.3, 0.5, 0.89], [0.02, 0.1, 0.3, 0.01], [0.01, 0.6, 0.2, 0.1]],
        np.float32,
    )[:, None]
    assert choose_classes(probabilities).tolist() == [[0, 2, 0, 0]]
    assert choose_classes(probabilities, [0.2, 0.1]).tolist() == [[0, 2, 2, 2]]
    assert choose_classes(probabilities, [0, 1]).tolist() == [[1] * 4]


def test_classes_as_by_argmax():
    """The first of several that are equal included."""
    rng = np.random.default_rng(0)
    probabilities = rng.integers(0, 4, (5, 40, 50)).astype(np.float32)
    np.testing.assert_array_equal(
        choose_classes(probabilities), probabilities.argmax(0)
    )


def test_limits_in_the_order_of_the_classes():
    assert thresholds_to_limits(None, CLASSES) is None
    assert thresholds_to_limits(dict(HE=0.1, EX=0.2), CLASSES) == [0.2, 0.1]


@pytest.mark.parametrize(
    ('thresholds', 'message'),
    [
        (dict(EX=0.2), 'thresholds for EX, expected one for each of EX, HE'),
        (dict(EX=0.2, HE=0.2, MA=0.2), 'for EX, HE, MA, expected'),
        (0.5, 'thresholds are a float, expected a dict with one for each of EX, HE'),
        (dict(EX=0.2, HE=1.2), r'threshold of HE: 1\.2, expected 0 to 1'),
        (dict(EX=0.2, HE=float('nan')), 'threshold of HE: nan'),
    ],
)
def test_thresholds_that_do_not_fit(thresholds, message):
    with pytest.raises(InputError, match=message):
        thresholds_to_limits(thresholds, CLASSES)
