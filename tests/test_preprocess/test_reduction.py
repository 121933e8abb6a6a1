import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from hacdr.preprocess.reduction import reduce_labels, reduce_masks, reduce_photograph

EIGHT = np.ones((3, 3))


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
    picture = noise(height, width, seed)
    expected = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    out = reduce_photograph(picture, (columns, rows))
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
    picture = noise(60, 75)
    window = slice(min(top, rows - 1), top + height), slice(min(left, columns - 1), 75)
    np.testing.assert_array_equal(
        reduce_photograph(picture, (columns, rows), window),
        reduce_photograph(picture, (columns, rows))[window],
    )


@pytest.mark.parametrize('shape', [(60, 75), (60, 75, 4), (60, 75, 1)])
def test_other_numbers_of_channels(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    out = reduce_photograph(picture, (30, 20), (slice(5, 9), slice(2, 30)))
    expected = cv2.resize(picture, (30, 20), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(out, expected[5:9, 2:30])


def test_photographs_are_enlarged_linearly():
    picture = noise(20, 30)
    out = reduce_photograph(picture, (45, 40), (slice(3, 9), slice(45)))
    expected = cv2.resize(picture, (45, 40), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(out, expected[3:9])


def spots(seed, count, radius, shape=(240, 320)):
    """Discs of one to four lesions, apart and overlapping."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    bits = np.zeros(shape, np.uint8)
    for _ in range(count):
        row, column = rng.uniform((0, 0), shape)
        size = rng.uniform(0.6, radius)
        bits[(y - row) ** 2 + (x - column) ** 2 <= size**2] |= 1 << int(rng.integers(4))
    return bits


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    radius=st.sampled_from([1, 3, 9]),
    factor=st.floats(1, 9),
)
def test_every_component_of_every_lesion_stays(seed, radius, factor):
    bits = spots(seed, 40, radius)
    size = round(320 / factor), round(240 / factor)
    out = reduce_masks(bits, size)
    for bit in range(4):
        components, count = ndimage.label(bits >> bit & 1, EIGHT)
        near = ndimage.binary_dilation(out >> bit & 1, EIGHT)
        for value in range(1, count + 1):
            rows, columns = np.nonzero(components == value)
            cells = (
                ((rows + 0.5) * size[1] / 240).astype(int),
                ((columns + 0.5) * size[0] / 320).astype(int),
            )
            assert near[cells].any()


def test_areas_stay_what_they_were():
    labels = (spots(0, 60, 12, (600, 800)) > 0).astype(np.uint8)
    for factor in (2, 3, 4.4):
        out = reduce_labels(labels, (round(800 / factor), round(600 / factor)))
        assert out.mean() == pytest.approx(labels.mean(), rel=0.06)


def test_half_a_pixel_is_enough():
    labels = np.zeros((8, 8), np.uint8)
    labels[:4, :2] = 2
    np.testing.assert_array_equal(
        reduce_labels(labels, (2, 2)), np.array([[2, 0], [0, 0]])
    )
    labels[:4, 2:4] = 4
    assert reduce_labels(labels, (2, 2))[0, 0] == 4


def test_a_speck_stays_where_most_of_it_is():
    labels = np.zeros((12, 12), np.uint8)
    labels[5, 3:6] = 4
    expected = np.zeros((3, 3), np.uint8)
    expected[1, 1] = 4
    np.testing.assert_array_equal(reduce_labels(labels, (3, 3)), expected)


def test_ignored_pixels_are_no_lesion():
    labels = np.zeros((12, 12), np.uint8)
    labels[:4, :2] = 255
    labels[9, 9] = 255
    expected = np.zeros((3, 3), np.uint8)
    expected[0, 0] = 255
    np.testing.assert_array_equal(reduce_labels(labels, (3, 3)), expected)
    np.testing.assert_array_equal(reduce_masks(labels, (3, 3)), expected)


def test_a_speck_among_ignored_pixels_stays():
    labels = np.full((12, 12), 255, np.uint8)
    labels[5, 5] = 3
    expected = np.full((3, 3), 255, np.uint8)
    expected[1, 1] = 3
    np.testing.assert_array_equal(reduce_labels(labels, (3, 3)), expected)


def test_label_maps_are_enlarged_by_repeating():
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3) % 5
    np.testing.assert_array_equal(
        reduce_labels(labels, (6, 4)), labels.repeat(2, 0).repeat(2, 1)
    )


def test_equal_sizes_change_nothing():
    bits = spots(3, 20, 5)
    np.testing.assert_array_equal(reduce_masks(bits, (320, 240)), bits)


@pytest.mark.parametrize('value', [5, 76, 254])
def test_unknown_labels(value):
    labels = np.zeros((8, 8), np.uint8)
    labels[3, 3] = value
    with pytest.raises(ValueError, match=rf'labels hold the values \[0, {value}\]'):
        reduce_labels(labels, (4, 4))


@pytest.mark.parametrize('shape', [(8, 8, 3), (8,)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match=r'expected labels uint8 \(H, W\)'):
        reduce_labels(np.zeros(shape, np.uint8), (4, 4))


def test_wrong_types():
    with pytest.raises(ValueError, match=r'expected masks uint8 \(H, W\), got int64'):
        reduce_masks(np.zeros((8, 8), np.int64), (4, 4))
