import cv2
import numpy as np
import pytest
from mmseg.datasets import PIPELINES
from PIL import Image

from hacdr.errors import InputError


def crop(photograph, ori_shape=None, seg=None, **options):
    transform = PIPELINES.build(dict(type='FundusCrop', **options))
    results = dict(img=photograph, ori_shape=ori_shape or photograph.shape)
    if seg is not None:
        results.update(gt_semantic_seg=seg, seg_fields=['gt_semantic_seg'])
    return transform(results)


@pytest.fixture
def photograph():
    """A disc, its left half in deep shadow; rows 20 to 179, columns 60 to 219."""
    y, x = np.mgrid[:200, :300]
    disc = (y - 99.5) ** 2 + (x - 139.5) ** 2 < 80**2
    img = np.random.default_rng(0).integers(0, 8, (200, 300, 3), np.uint8)
    img[disc & (x < 140)] = 3, 5, 14
    img[disc & (x >= 140)] = 30, 120, 220
    return img


def test_the_half_in_shadow_stays(photograph):
    out = crop(photograph)
    top, left, height, width = out['fundus_box']
    assert (height, width) == (200, 300)
    assert abs(top - 20) <= 3
    assert abs(left - 60) <= 3
    rows, columns = out['img'].shape[:2]
    assert abs(rows - 160) <= 6
    assert abs(columns - 160) <= 6
    np.testing.assert_array_equal(
        out['img'], photograph[top : top + rows, left : left + columns]
    )
    assert (
        out['ori_shape'] == out['img_shape'] == out['pad_shape'] == (rows, columns, 3)
    )


def test_labels_are_cropped_with_it(photograph):
    out = crop(photograph, seg=photograph[..., 1])
    np.testing.assert_array_equal(out['gt_semantic_seg'], out['img'][..., 1])


def test_margin(photograph):
    top, left, _, _ = crop(photograph)['fundus_box']
    out = crop(photograph, margin=7)
    assert out['fundus_box'][:2] == (top - 7, left - 7)
    assert crop(photograph, margin=500)['img'].shape == photograph.shape


def test_box_of_a_reduced_photograph_is_told_at_the_original_size(photograph):
    small = cv2.resize(photograph, (100, 67), interpolation=cv2.INTER_AREA)
    out = crop(small, ori_shape=photograph.shape)
    top, left, height, width = out['fundus_box']
    assert (height, width) == (200, 300)
    whole = crop(photograph)
    # A pixel of the reduced photograph is three of the original.
    np.testing.assert_allclose((top, left), whole['fundus_box'][:2], atol=6)
    np.testing.assert_allclose(out['ori_shape'], whole['ori_shape'], atol=12)


def test_a_black_photograph_stays_as_it_is():
    out = crop(np.zeros((20, 30, 3), np.uint8))
    assert out['img'].shape == (20, 30, 3)
    assert out['fundus_box'] == (0, 0, 20, 30)


def test_negative_margin():
    with pytest.raises(ValueError, match='margin must not be negative, got -1'):
        PIPELINES.build(dict(type='FundusCrop', margin=-1))


@pytest.mark.parametrize('name', ['IDRiD_04', 'IDRiD_06', 'IDRiD_01'])
def test_real_photographs_keep_their_lesions(real, name):
    photograph = cv2.imread(str(real / 'images' / 'train' / f'{name}.jpg'))
    labels = np.asarray(Image.open(real / 'labels' / 'train' / f'{name}.png'))
    out = crop(photograph, seg=labels)
    assert (out['gt_semantic_seg'] > 0).sum() == (labels > 0).sum()
    height, width = out['img'].shape[:2]
    # FACTS: x from 104..284 to 3681..3982, the whole height.
    _, left, _, _ = out['fundus_box']
    assert 100 <= left <= 290
    assert 3670 <= left + width <= 3990
    assert height > 2840


def test_a_mirrored_photograph_is_refused(photograph):
    transform = PIPELINES.build(dict(type='FundusCrop'))
    results = dict(img=photograph[:, ::-1], ori_shape=photograph.shape, flip=True)
    with pytest.raises(InputError, match='after RandomFlip, expected before it'):
        transform(results)
