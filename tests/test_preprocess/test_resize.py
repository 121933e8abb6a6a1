import cv2
import mmcv
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacdr.preprocess.resize import fit_size, reduce_photograph, resize_photograph


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(20, 90),
    width=st.integers(20, 90),
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    seed=st.integers(0, 9),
)
def test_photographs_as_opencv_within_rounding(height, width, rows, columns, seed):
    photograph = noise(height, width, seed)
    expected = cv2.resize(photograph, (columns, rows), interpolation=cv2.INTER_AREA)
    out = resize_photograph(photograph, (columns, rows))
    assert abs(out.astype(int) - expected).max() <= 1


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(1, 60),
    columns=st.integers(1, 75),
    top=st.integers(0, 59),
    left=st.integers(0, 74),
    height=st.integers(1, 60),
    width=st.integers(1, 75),
)
def test_a_window_equals_that_part_of_the_whole(
    rows, columns, top, left, height, width
):
    photograph = noise(60, 75)
    window = slice(min(top, rows - 1), top + height), slice(min(left, columns - 1), 75)
    np.testing.assert_array_equal(
        resize_photograph(photograph, (columns, rows), window),
        resize_photograph(photograph, (columns, rows))[window],
    )


@pytest.mark.parametrize('shape', [(60, 75), (60, 75, 4), (60, 75, 1)])
def test_other_numbers_of_channels(shape):
    photograph = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    out = resize_photograph(photograph, (30, 20), (slice(5, 9), slice(2, 30)))
    expected = cv2.resize(photograph, (30, 20), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(out, expected[5:9, 2:30])


def test_photographs_are_enlarged_linearly():
    photograph = noise(20, 30)
    out = resize_photograph(photograph, (45, 40), (slice(3, 9), slice(45)))
    expected = cv2.resize(photograph, (45, 40), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(out, expected[3:9])


def test_photographs_are_averaged_over_areas():
    pixels = noise(12, 18)
    out = resize_photograph(pixels, (6, 4))
    expected = pixels.reshape(4, 3, 6, 3, 3).mean((1, 3))
    assert abs(out - expected).max() <= 0.5


def test_a_fine_pattern_becomes_grey():
    # Every third column is bright; the pixel next to each new one's centre may be it.
    pixels = np.zeros((90, 90, 3), np.uint8)
    pixels[:, 1::3] = 240
    assert (resize_photograph(pixels, (30, 30)) == 80).all()
    assert (mmcv.imrescale(pixels, (30, 30)) == 240).all()


@pytest.mark.parametrize(
    ('size', 'max_side', 'expected'),
    [
        ((4288, 2848), 1440, (1440, 956)),
        ((2848, 4288), 1440, (956, 1440)),
        ((4288, 2848), None, (4288, 2848)),
        ((100, 50), 100, (100, 50)),
        ((1000, 1), 10, (10, 1)),
        ((4, 3), 2, (2, 2)),
    ],
)
def test_size(size, max_side, expected):
    assert fit_size(size, max_side) == expected


@pytest.mark.parametrize('size', [(20, 14), (30, 21), (61, 43), (3, 2)])
def test_in_halves(size):
    pixels = cv2.GaussianBlur(noise(43, 61), (0, 0), 3)
    exact = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(float)
    assert abs(reduce_photograph(pixels, size) - exact).mean() < 2
