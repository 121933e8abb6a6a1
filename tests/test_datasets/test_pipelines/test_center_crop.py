import numpy as np
import pytest
from mmseg.datasets import PIPELINES

from hacdr.datasets.pipelines import CenterCrop


def sample(height, width):
    rows, columns = np.indices((height, width))
    img = np.stack([rows, columns, rows + columns], -1).astype(np.float32)
    return dict(img=img, gt_semantic_seg=img[..., 2], seg_fields=['gt_semantic_seg'])


def test_the_same_is_cut_from_both_sides():
    crop = PIPELINES.build(dict(type='CenterCrop', crop_size=(6, 8)))
    out = crop(sample(10, 20))
    assert out['img'].shape == out['img_shape'] == out['pad_shape'] == (6, 8, 3)
    assert out['img'][0, 0].tolist() == [2, 6, 8]
    assert out['img'][-1, -1].tolist() == [7, 13, 20]
    np.testing.assert_array_equal(out['gt_semantic_seg'], out['img'][..., 2])


def test_smaller_stays():
    out = CenterCrop((6, 8))(sample(4, 12))
    assert out['img'].shape == (4, 8, 3)
    assert out['img'][0, 0].tolist() == [0, 2, 2]


@pytest.mark.parametrize('crop_size', [(0, 4), (4,), (4, 4, 3)])
def test_wrong_arguments(crop_size):
    with pytest.raises(ValueError, match='positive height and width'):
        CenterCrop(crop_size)
