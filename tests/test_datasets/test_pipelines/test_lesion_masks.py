import numpy as np
import pytest
import torch
from mmseg.datasets import PIPELINES
from mmseg.datasets.pipelines import Compose
from mmseg.models.losses import CrossEntropyLoss
from PIL import Image

from hacdr.errors import InputError

LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadLesionMasks')]


def test_loads_the_bits(converted, eye):
    out = Compose(LOAD)(converted.start())
    np.testing.assert_array_equal(out['gt_lesion_masks'], eye[1])
    assert out['seg_fields'] == ['gt_lesion_masks']


def test_goes_through_the_steps_of_mmseg_and_ours(converted, eye):
    np.random.seed(0)
    out = Compose(
        [
            *LOAD,
            dict(type='LoadAnnotations'),
            dict(type='AreaResize', img_scale=(160, 120)),
            dict(type='RandomFlip', prob=1.0),
            dict(type='LesionCrop', crop_size=(90, 100)),
            dict(type='RandomQuarterTurn'),
            dict(type='Pad', size=(128, 128), seg_pad_val=255),
            dict(type='DefaultFormatBundle'),
            dict(type='FormatLesionMasks'),
            dict(type='Collect', keys=['img', 'gt_semantic_seg', 'gt_lesion_masks']),
        ]
    )(converted.start())
    masks = out['gt_lesion_masks'].data
    labels = out['gt_semantic_seg'].data[0]
    assert masks.shape == (4, 128, 128)
    assert masks.dtype == torch.int64
    # Both are padded alike, and a label is the highest lesion of the masks.
    assert ((masks == 255).all(0) == (labels == 255)).all()
    valid = labels != 255
    highest = (masks * torch.arange(1, 5).view(4, 1, 1)).amax(0)
    assert (highest[valid] == labels[valid]).all()
    # Overlaps are in the masks only.
    assert (masks[:, valid].sum(0) > 1).any()


def test_planes():
    bits = np.array([[0, 1, 2], [5, 15, 255]], np.uint8)
    step = PIPELINES.build(dict(type='FormatLesionMasks'))
    planes = step(dict(gt_lesion_masks=bits))['gt_lesion_masks'].data
    expected = torch.tensor(
        [
            [[0, 1, 0], [1, 1, 255]],
            [[0, 0, 1], [0, 1, 255]],
            [[0, 0, 0], [1, 1, 255]],
            [[0, 0, 0], [0, 1, 255]],
        ]
    )
    assert torch.equal(planes, expected)


def test_a_sigmoid_loss_takes_them():
    planes = torch.zeros(1, 4, 2, 2, dtype=torch.int64)
    planes[0, 1, 0, 0] = 1
    planes[..., 1, 1] = 255
    logits = torch.where(planes == 1, 20.0, -20.0).requires_grad_()
    loss = CrossEntropyLoss(use_sigmoid=True)(logits, planes, ignore_index=255)
    assert loss < 1e-6
    assert torch.isfinite(torch.autograd.grad(loss, logits)[0]).all()


def test_missing(converted):
    (converted.root / 'masks' / 'train' / 'a.png').unlink()
    with pytest.raises(InputError, match=r'masks/train/a\.png: no such file'):
        Compose(LOAD)(converted.start())


def write(converted, values):
    Image.fromarray(values).save(converted.root / 'masks' / 'train' / 'a.png')


def test_other_bits(converted):
    write(converted, np.full((240, 320), 16, np.uint8))
    with pytest.raises(InputError, match=r'a\.png: holds the value 16, expected'):
        Compose(LOAD)(converted.start())


def test_ignored_pixels(converted, eye):
    write(converted, np.where(eye[1] > 0, eye[1], 255).astype(np.uint8))
    bits = Compose(LOAD)(converted.start())['gt_lesion_masks']
    assert (bits[eye[1] == 0] == 255).all()


def test_other_channels(converted):
    write(converted, np.zeros((240, 320, 3), np.uint8))
    with pytest.raises(InputError, match='mode RGB, expected one channel'):
        Compose(LOAD)(converted.start())


def test_damaged(converted):
    path = converted.root / 'masks' / 'train' / 'a.png'
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InputError, match=r'a\.png: map cannot be decoded'):
        Compose(LOAD)(converted.start())
