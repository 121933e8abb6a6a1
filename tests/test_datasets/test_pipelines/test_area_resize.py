import cv2
import mmcv
import numpy as np
import pytest
from mmseg.datasets import PIPELINES

from hacdr.preprocess.reduction import reduce_labels, reduce_masks


def sample(eye):
    photograph, bits = eye
    return dict(
        img=photograph,
        gt_semantic_seg=(bits > 0).astype(np.uint8),
        gt_lesion_masks=bits,
        seg_fields=['gt_semantic_seg', 'gt_lesion_masks'],
    )


def resize(kind, eye, keys, **options):
    np.random.seed(0)
    results = {**sample(eye), 'seg_fields': keys}
    return PIPELINES.build(dict(type=kind, **options))(results)


@pytest.mark.parametrize(
    'options',
    [
        dict(img_scale=(150, 100)),
        dict(img_scale=(150, 100), ratio_range=(0.5, 2.0)),
        dict(img_scale=(150, 100), keep_ratio=False),
        dict(img_scale=[(150, 100), (90, 60)], multiscale_mode='value'),
        dict(img_scale=(150, 100), min_size=120),
        dict(img_scale=(900, 900)),
        dict(ratio_range=(0.5, 0.9)),
    ],
)
def test_sizes_and_draws_as_mmsegs(eye, options):
    keys = ['gt_semantic_seg']
    theirs = resize('Resize', eye, keys, **options)
    ours = resize('AreaResize', eye, keys, **options)
    for key in ('img_shape', 'pad_shape', 'keep_ratio'):
        assert ours[key] == theirs[key]
    np.testing.assert_allclose(ours['scale_factor'], theirs['scale_factor'], rtol=1e-6)
    assert ours['gt_semantic_seg'].shape == theirs['gt_semantic_seg'].shape


def test_photograph_and_labels_by_area(eye):
    keys = ['gt_semantic_seg', 'gt_lesion_masks']
    out = resize('AreaResize', eye, keys, img_scale=(100, 75))
    photograph, bits = eye
    expected = cv2.resize(photograph, (100, 75), interpolation=cv2.INTER_AREA)
    assert abs(out['img'].astype(int) - expected).max() <= 1
    labels = (bits > 0).astype(np.uint8)
    np.testing.assert_array_equal(
        out['gt_semantic_seg'], reduce_labels(labels, (100, 75))
    )
    np.testing.assert_array_equal(out['gt_lesion_masks'], reduce_masks(bits, (100, 75)))


def test_a_fine_pattern_becomes_grey():
    # Every third column is bright; the pixel next to each new one's centre may be it.
    img = np.zeros((90, 90, 3), np.uint8)
    img[:, 1::3] = 240
    out = PIPELINES.build(dict(type='AreaResize', img_scale=(30, 30)))(dict(img=img))
    assert (out['img'] == 80).all()
    assert (mmcv.imrescale(img, (30, 30)) == 240).all()


def test_scale_of_test_time_augmentation_is_obeyed(eye):
    transform = PIPELINES.build(dict(type='AreaResize'))
    out = transform(dict(img=eye[0], scale=(80, 80)))
    assert out['img'].shape == (60, 80, 3)
