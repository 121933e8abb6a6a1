from pathlib import Path

import pytest
import torch.nn as nn
from mmcv import ConfigDict
from mmseg.models import build_segmentor
from mmseg.models.builder import BACKBONES

from hacdr.engine.config import load_config
from hacdr.engine.cost import count_multiply_adds
from hacdr.models import MDConv

CONFIGS = Path(__file__).parents[2] / 'configs'


@BACKBONES.register_module()
class OneConv(nn.Module):
    """A backbone of one layer."""

    def __init__(self, deformable, groups=1):
        super().__init__()
        if deformable:
            self.conv = MDConv(3, 6, 3, stride=2, padding=1, groups=groups)
        else:
            self.conv = nn.Conv2d(3, 6, 3, stride=2, padding=1, groups=groups)

    def forward(self, x):
        return [self.conv(x)]


def segmentor(**backbone):
    return build_segmentor(
        ConfigDict(
            type='LesionEncoderDecoder',
            backbone=dict(type='OneConv', **backbone),
            decode_head=dict(
                type='FCNHead',
                in_channels=6,
                in_index=0,
                channels=6,
                num_convs=0,
                concat_input=False,
                num_classes=5,
            ),
            test_cfg=dict(mode='whole'),
        )
    )


HEAD = 10 * 15 * 6 * 5


def test_a_convolution():
    assert count_multiply_adds(segmentor(deformable=False), (20, 30)) == (
        10 * 15 * 6 * 3 * 9 + HEAD
    )
    assert count_multiply_adds(segmentor(deformable=False, groups=3), (20, 30)) == (
        10 * 15 * 6 * 1 * 9 + HEAD
    )


@pytest.mark.parametrize(
    'kernel',
    ['numba', 'torch', pytest.param('mmcv', marks=pytest.mark.mmcv_operators)],
)
def test_a_deformable_convolution_whatever_its_kernel(kernel, monkeypatch):
    monkeypatch.setenv('HACDR_MDCONV', kernel)
    predictor = 10 * 15 * (3 * 9) * 3 * 9
    samples = 10 * 15 * 3 * 9
    assert count_multiply_adds(segmentor(deformable=True), (20, 30)) == (
        predictor + 10 * 15 * 6 * 3 * 9 + 5 * samples + HEAD
    )


def test_attention_counts():
    """SegFormer's attention is quadratic: twice the side, more than four times."""
    cfg = load_config(str(CONFIGS / 'baselines' / 'segformer_b0.py'))
    model = build_segmentor(cfg.model)
    small, large = (count_multiply_adds(model, (side, side)) for side in (512, 1024))
    assert large > 4.3 * small


def test_filling_up_counts():
    cfg = load_config(str(CONFIGS / 'baselines' / 'unet.py'))
    model = build_segmentor(cfg.model)
    assert count_multiply_adds(model, (90, 130)) == count_multiply_adds(
        model, (96, 144)
    )


def test_the_model_stays_as_it_is():
    model = segmentor(deformable=True)
    before = model.backbone.conv.forward
    count_multiply_adds(model, (20, 30))
    assert model.backbone.conv.forward == before
    assert model.training
    assert {p.device.type for p in model.parameters()} == {'cpu'}
