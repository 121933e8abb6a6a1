import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from scipy import ndimage

from hacdr.conversion import reducing
from hacdr.conversion.merging import IGNORED, to_bits, to_labels

MASKS = arrays.arrays(
    bool, st.tuples(st.integers(1, 40), st.integers(1, 40)), elements=st.booleans()
)


@st.composite
def masks_and_sizes(draw):
    """Sparse or dense masks, and any size that is not larger."""
    mask = draw(MASKS) & draw(st.sampled_from([True, False])) | draw(MASKS).all()
    mask |= draw(
        arrays.arrays(bool, mask.shape, elements=st.booleans(), fill=st.just(0))
    )
    size = tuple(draw(st.integers(1, side)) for side in mask.shape[::-1])
    return mask, size


def area_of(component, size):
    """How much of every pixel of the copy a component covers, the slow way."""
    height, width = component.shape
    rows = overlap_matrix(height, size[1])
    columns = overlap_matrix(width, size[0])
    return rows @ component.astype(np.int64) @ columns.T


def overlap_matrix(length, shorter):
    overlap = np.zeros((shorter, length), np.int64)
    for i in range(shorter):
        for j in range(length):
            begin = max(i * length, j * shorter)
            overlap[i, j] = max(0, min((i + 1) * length, (j + 1) * shorter) - begin)
    return overlap


@settings(deadline=None, max_examples=150)
@given(masks_and_sizes())
def test_no_lesion_vanishes(drawn):
    mask, size = drawn
    copy, rescued = reducing.reduce_lesions(mask, size)
    components, count = ndimage.label(mask, np.ones((3, 3)))
    by_share = area_of(mask, size) * 2 >= mask.size
    expected, lost = by_share.copy(), 0
    for component in range(1, count + 1):
        area = area_of(components == component, size)
        assert copy[area > 0].any()
        if not by_share[area > 0].any():
            lost += 1
            expected.ravel()[area.argmax()] = True
    assert rescued == lost
    np.testing.assert_array_equal(copy, expected)


@settings(deadline=None, max_examples=50)
@given(masks_and_sizes())
def test_footprints_are_the_areas(drawn):
    mask, size = drawn
    components, count = ndimage.label(mask, np.ones((3, 3)))
    owner, pixel, area = reducing.footprints(components, size)
    expected = [area_of(components == c, size).ravel() for c in range(1, count + 1)]
    found = np.zeros((count, size[0] * size[1]), np.int64)
    found[owner - 1, pixel] = area
    np.testing.assert_array_equal(found, np.reshape(expected, found.shape))
    assert (area > 0).all()


def test_a_microaneurysm_smaller_than_a_pixel_stays():
    mask = np.zeros((300, 300), np.uint8)
    mask[104:107, 204:207] = 1
    mask[20:80, 20:80] = 1
    copy, rescued = reducing.reduce_mask(mask, (30, 30))
    assert rescued == 1
    assert copy[10, 20] == 1
    assert copy.sum() == 1 + 36
    # What the stock pipelines do loses it.
    assert not cv2.resize(mask, (30, 30), interpolation=cv2.INTER_NEAREST)[10, 20]


def test_it_takes_the_pixel_it_covers_most():
    mask = np.zeros((20, 20), np.uint8)
    mask[9:11, 7:11] = 1
    mask[9, 9] = 0
    copy, rescued = reducing.reduce_mask(mask, (2, 2))
    assert rescued == 1
    assert copy.tolist() == [[0, 0], [1, 0]]


def test_half_of_a_pixel_counts():
    half = np.zeros((10, 10), np.uint8)
    half[:5] = 1
    assert reducing.reduce_mask(half, (1, 1)) == (1, 0)
    half[0, 0] = 0
    # Not quite half: nothing would be left, so that it is kept.
    assert reducing.reduce_mask(half, (1, 1)) == (1, 1)


def test_a_share_of_a_pixel_is_exact():
    # Pixels of 2.5x2.5, of which one row is drawn.
    mask = np.zeros((5, 5), bool)
    mask[[0, -1]] = True
    assert reducing.mostly(mask, (2, 2), 0.4).all()
    assert not reducing.mostly(mask, (2, 2), 0.401).any()


def test_a_rescued_microaneurysm_wins_in_the_label_map():
    haemorrhage, microaneurysm = np.ones((2, 40, 40), np.uint8)
    microaneurysm[:] = 0
    microaneurysm[15:17, 15:17] = 1
    masks = dict(HE=haemorrhage, MA=microaneurysm)
    copies = {k: reducing.reduce_mask(v, (4, 4))[0] for k, v in masks.items()}
    labels = to_labels(to_bits(copies, (4, 4)))
    assert labels[1, 1] == 4
    assert (labels == 2).sum() == 15


def test_ignored_areas():
    mask = np.zeros((20, 20), np.uint8)
    mask[:9] = IGNORED
    mask[4:6, 4:6] = 1
    copy, rescued = reducing.reduce_mask(mask, (2, 2))
    assert rescued == 1
    assert copy.tolist() == [[1, IGNORED], [0, 0]]


def test_same_size_is_left_alone():
    mask = np.eye(5, dtype=np.uint8)
    copy, rescued = reducing.reduce_mask(mask, (5, 5))
    assert rescued == 0
    np.testing.assert_array_equal(copy, mask)


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
    assert reducing.reduced_size(size, max_side) == expected


def test_photographs_are_averaged_over_areas():
    pixels = np.random.default_rng(0).integers(0, 256, (12, 18, 3), np.uint8)
    copy = np.asarray(reducing.reduce_photograph(Image.fromarray(pixels), (6, 4)))
    expected = pixels.reshape(4, 3, 6, 3, 3).mean((1, 3))
    assert abs(copy - expected).max() <= 0.5
