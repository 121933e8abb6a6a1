import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.evaluation import ground_truth_bits

LABEL = np.array([[0, 1, 4], [2, 3, 255]], np.uint8)


def test_label_maps():
    assert ground_truth_bits(LABEL).tolist() == [[0, 1, 8], [2, 4, 128]]
    assert (
        ground_truth_bits(LABEL.astype(np.int64)).tolist()
        == ground_truth_bits(LABEL).tolist()
    )


def test_masks_keep_what_label_maps_lose():
    masks = np.array([[0, 0b11, 8], [2, 0b100, 1]], np.uint8)
    assert ground_truth_bits(LABEL, masks).tolist() == [[0, 3, 8], [2, 4, 129]]


def test_masks_have_pixels_that_do_not_count():
    masks = np.array([[255, 0b11, 8], [2, 255, 255]], np.uint8)
    assert ground_truth_bits(LABEL, masks).tolist() == [[128, 3, 8], [2, 128, 128]]


def test_pixels_outside_do_not_count():
    inside = np.array([[1, 0, 1], [0, 1, 1]], np.uint8)
    assert (ground_truth_bits(LABEL, inside=inside) >> 7).tolist() == [
        [0, 1, 0],
        [1, 0, 1],
    ]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((np.array([[0, 9]]),), r'a\.jpg: label map with value 9, expected 0 to 4 or'),
        ((np.array([[0, -1]]),), 'label map with value -1'),
        ((np.array([[0, 256]]),), 'label map with value 256'),
        ((LABEL, np.full((2, 3), 16, np.uint8)), 'value 16, expected less than 16 or'),
        ((LABEL, np.zeros((3, 2), np.uint8)), r'mask of size \(3, 2\), expected \(2,'),
        ((LABEL, None, np.ones((1, 1))), r'field of view of size \(1, 1\), expected'),
    ],
)
def test_what_does_not_fit(arguments, message):
    with pytest.raises(InputError, match=message):
        ground_truth_bits(*arguments, name='a.jpg')
