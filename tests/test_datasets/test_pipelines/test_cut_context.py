import numpy as np
from mmseg.datasets import PIPELINES

from hacdr.datasets.pipelines import LesionCrop


def test_the_crop_is_left():
    rows, columns = np.indices((40, 50))
    img = np.stack([rows, columns, rows + columns], -1).astype(np.uint8)
    labels = img[..., 2]
    cut = PIPELINES.build(dict(type='CutContext'))
    for _ in range(20):
        results = dict(img=img, gt_semantic_seg=labels, seg_fields=['gt_semantic_seg'])
        results = LesionCrop((16, 18), context=5)(results)
        top, left = results['img'][results['crop_window']][0, 0, :2]
        out = cut(results)
        assert out['img'].shape == out['img_shape'] == out['pad_shape'] == (16, 18, 3)
        assert out['img'][0, 0, :2].tolist() == [top, left]
        np.testing.assert_array_equal(out['gt_semantic_seg'], out['img'][..., 2])
