import numpy as np
import pytest
import torch
from mmseg.datasets.pipelines import Compose

NORM = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


def sample(eye):
    photograph, bits = eye
    return dict(
        img=photograph,
        gt_semantic_seg=(bits > 0).astype(np.uint8),
        gt_lesion_masks=bits,
        seg_fields=['gt_semantic_seg', 'gt_lesion_masks'],
    )


@pytest.mark.parametrize('to_rgb', [True, False])
@pytest.mark.parametrize('size', [(240, 320), (256, 400)])
def test_as_the_three_steps_of_mmseg(eye, to_rgb, size):
    theirs = Compose(
        [
            dict(type='Normalize', to_rgb=to_rgb, **NORM),
            dict(type='Pad', size=size, pad_val=0, seg_pad_val=255),
            dict(type='DefaultFormatBundle'),
        ]
    )(sample(eye))
    ours = Compose([dict(type='NormalizeAndFormat', to_rgb=to_rgb, size=size, **NORM)])(
        sample(eye)
    )
    torch.testing.assert_close(
        ours['img'].data, theirs['img'].data, rtol=1e-5, atol=1e-5
    )
    assert torch.equal(ours['gt_semantic_seg'].data, theirs['gt_semantic_seg'].data)
    assert ours['gt_semantic_seg'].stack
    assert ours['img'].stack
    np.testing.assert_array_equal(ours['gt_lesion_masks'], theirs['gt_lesion_masks'])
    assert ours['pad_shape'] == theirs['pad_shape']
    assert ours['img_shape'] == (240, 320, 3)


@pytest.mark.parametrize(
    'img', [np.zeros((9, 30, 3), np.uint8), np.zeros((8, 8, 3), np.float32)]
)
def test_what_does_not_fit(img):
    step = Compose([dict(type='NormalizeAndFormat', size=(20, 20), **NORM)])
    with pytest.raises(ValueError, match=r'uint8, of at most \(20, 20\), got'):
        step(dict(img=img))
