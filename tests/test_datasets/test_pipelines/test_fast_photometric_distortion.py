import numpy as np
import pytest
from mmseg.datasets import PIPELINES


def distort(kind, img, seed, **options):
    np.random.seed(seed)
    out = PIPELINES.build(dict(type=kind, **options))(dict(img=img.copy()))['img']
    # Both must have drawn the same numbers, and as many.
    return out, np.random.rand()


@pytest.mark.parametrize('seed', range(40))
def test_as_mmsegs(eye, seed):
    theirs, next_theirs = distort('PhotoMetricDistortion', eye[0], seed)
    ours, next_ours = distort('FastPhotoMetricDistortion', eye[0], seed)
    assert ours.dtype == np.uint8
    assert next_ours == next_theirs
    difference = abs(ours.astype(int) - theirs)
    assert difference.mean() < 0.5
    assert np.percentile(difference, 99) <= 5


@pytest.mark.parametrize('off', ['saturation', 'hue'])
def test_equal_where_not_both_change(eye, off):
    options = dict(saturation=dict(saturation_range=(1, 1)), hue=dict(hue_delta=1))
    equal = 0
    for seed in range(30):
        theirs, _ = distort('PhotoMetricDistortion', eye[0], seed, **options[off])
        ours, _ = distort('FastPhotoMetricDistortion', eye[0], seed, **options[off])
        equal += (ours == theirs).all()
    # One draw in four changes both: there HSV is rounded to BGR and back.
    assert equal >= 15
