import numpy as np
import pytest

from hacdr.preprocess.field_of_view import field_of_view


@pytest.fixture
def eye():
    """A disc, its left half in shadow; noise in the surround."""
    y, x = np.mgrid[:200, :300]
    disc = (y - 100) ** 2 + (x - 150) ** 2 < 90**2
    photograph = np.random.default_rng(0).integers(0, 8, (200, 300, 3), np.uint8)
    photograph[disc & (x < 150)] = 14, 3, 2
    photograph[disc & (x >= 150)] = 200, 120, 40
    return photograph, disc


@pytest.mark.parametrize('order', [slice(None), slice(None, None, -1)])
def test_keeps_the_half_in_shadow(eye, order):
    photograph, disc = eye
    inside = field_of_view(photograph[..., order])
    assert inside.dtype == np.uint8
    assert ((inside == 1) != disc).mean() < 0.002


def test_bright_specks_of_the_surround_are_not_the_eye(eye):
    photograph, _ = eye
    photograph[5:9, 5:13] = 255
    assert not field_of_view(photograph)[:20, :20].any()


def test_threshold(eye):
    photograph, _ = eye
    assert not field_of_view(photograph, threshold=20)[:, :145].any()
