import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hacdr.inference.enlarging import BAND, _store, enlarge
from hacdr.inference.prediction import choose_classes


def random_logits(height, width, seed=0):
    shape = (5, height, width)
    return np.random.default_rng(seed).normal(0, 4, shape).astype(np.float32)


def probabilities_by_torch(logits, size):
    whole = F.interpolate(torch.from_numpy(logits)[None], size, mode='bilinear')
    return whole.softmax(1)[0].numpy()


@pytest.mark.parametrize(
    ('small', 'size'),
    [
        ((30, 45), (3 * BAND + 5, 130)),
        ((30, 45), (89, 45)),
        ((30, 45), (30, 45)),
        ((60, 90), (20, 31)),
        ((30, 45), (31, 1)),
        ((1, 1), (7, 9)),
    ],
)
@pytest.mark.parametrize('limits', [None, (0.3, 0.1, 0.5, 0.2)])
def test_as_by_torch(small, size, limits):
    logits = random_logits(*small)
    expected = probabilities_by_torch(logits, size)
    before = logits.copy()
    label, probabilities = enlarge([logits], size, limits)
    np.testing.assert_array_equal(logits, before)
    assert label.dtype == np.uint8
    assert probabilities.dtype == np.float16
    assert probabilities.shape == (4, *size)
    assert abs(probabilities - expected[1:]).max() < 5e-4
    # Where two classes are as good as equal, rounding decides.
    assert (label != choose_classes(expected, limits)).mean() < 1e-3


def test_the_mean_of_several():
    both = [random_logits(20, 30, seed) for seed in (1, 2)]
    expected = sum(probabilities_by_torch(each, (50, 70)) for each in both) / 2
    label, probabilities = enlarge(both, (50, 70))
    assert abs(probabilities - expected[1:]).max() < 5e-4
    assert (label != expected.argmax(0)).mean() < 1e-3


def test_large_logits():
    logits = 1e4 * random_logits(4, 4)
    _, probabilities = enlarge([logits], (4, 4))
    assert np.isfinite(probabilities).all()
    np.testing.assert_array_equal(
        probabilities, (logits == logits.max(0))[1:].astype(np.float16)
    )


def test_probabilities_in_float16():
    edges = [0, 1, 1 / 3, 2**-14, 2**-15, 2**-16, 1e-30, 1 - 1e-7, 1 - 2**-12]
    values = np.array([*edges, *np.linspace(0, 1, 100_000)], np.float32)
    out = np.empty(values.shape, np.float16)
    _store(values.copy(), out)
    assert abs(out - values.astype(np.float64)).max() < 3e-4
    assert out[[0, 1]].tolist() == [0, 1]
    assert out.max() == 1
    order = values.argsort()
    assert (np.diff(out[order].astype(np.float64)) >= 0).all()
