import numpy as np
import pytest
from scipy import ndimage

from hacdr.conversion.merging import (
    count_ignored,
    count_lesions,
    count_overlaps,
    to_bits,
    to_labels,
)
from hacdr.lesions import LESIONS


@pytest.fixture
def masks():
    rng = np.random.default_rng(0)
    smooth = [ndimage.gaussian_filter(rng.normal(size=(60, 80)), 2) for _ in LESIONS]
    return {name: field > 0.1 for name, field in zip(LESIONS, smooth)}


def test_precedence_is_the_fields():
    assert LESIONS == ('EX', 'HE', 'SE', 'MA')


def test_bits_keep_every_mask(masks):
    bits = to_bits(masks, (60, 80))
    for k, lesion in enumerate(LESIONS, start=1):
        np.testing.assert_array_equal(bits >> (k - 1) & 1, masks[lesion])


def test_later_lesions_win_in_the_label_map(masks):
    expected = np.zeros((60, 80), np.uint8)
    for k, lesion in enumerate(LESIONS, start=1):
        expected[masks[lesion]] = k
    np.testing.assert_array_equal(to_labels(to_bits(masks, (60, 80))), expected)


def test_absent_lesions():
    bits = to_bits({'MA': np.ones((2, 2), bool)}, (2, 2))
    assert (to_labels(bits) == 4).all()
    assert not to_labels(to_bits({}, (2, 2))).any()


def test_ignored_pixels(masks):
    shape = masks['EX'].shape
    drawn = {lesion: mask.astype(np.uint8) for lesion, mask in masks.items()}
    for mask in drawn.values():
        mask[10:20] = 255
    drawn['HE'][10:12] = 1
    bits = to_bits(drawn, shape)
    labels = to_labels(bits)
    # A lesion that was drawn wins over another's exclusion.
    assert (labels[10:12] == 2).all()
    assert (labels[12:20] == 255).all()
    assert count_ignored(bits) == 8 * shape[1] == (labels == 255).sum()
    for lesion, count in count_lesions(bits).items():
        mask = drawn[lesion] == 1
        assert count['mask_pixels'] == mask.sum()
        assert count['components'] == ndimage.label(mask, np.ones((3, 3)))[1]
    both = (drawn['EX'] == 1) & (drawn['MA'] == 1)
    assert count_overlaps(bits)['EX&MA'] == both.sum() > 0


def test_counts(masks):
    bits = to_bits(masks, (60, 80))
    labels = to_labels(bits)
    for k, (lesion, count) in enumerate(count_lesions(bits).items(), start=1):
        assert count == dict(
            mask_pixels=masks[lesion].sum(),
            label_pixels=(labels == k).sum(),
            components=ndimage.label(masks[lesion], np.ones((3, 3)))[1],
        )


def test_overlaps(masks):
    overlaps = count_overlaps(to_bits(masks, (60, 80)))
    assert len(overlaps) == 6
    for pair, pixels in overlaps.items():
        first, second = pair.split('&')
        assert pixels == (masks[first] & masks[second]).sum() > 0
