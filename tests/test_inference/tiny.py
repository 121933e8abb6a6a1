"""A tiny network that finds all four lesions in a photograph of noise."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from hacdr.apis import build_network, load_config
from hacdr.inference.preprocessing import Preprocessing
from hacdr.lesions import CLASSES, PALETTE

# The network sees 96x64 pixels of a photograph of 240x160.
SCALE = (96, 64)
SIZE = (240, 160)
CONFIG = """
_base_ = {base!r}
model = dict(
    backbone=dict(embed_dims=[8, 8, 8, 8], depths=[1, 1, 1, 1]),
    decode_head=dict(in_channels=[8, 8, 8, 8], channels=8),
)
img_scale = {scale}
test_pipeline = [
    dict(type={load!r}, {arguments}),
    dict(
        type='MultiScaleFlipAug',
        img_scale=img_scale,
        flip=False,
        transforms=[
            {resize}
            dict(type='RandomFlip'),
            {values},
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img']),
        ],
    ),
]
data = dict(test=dict(pipeline=test_pipeline))
"""
BASE = Path(__file__).parents[2] / 'configs' / 'hacdr_idrid_cpu.py'
CONTRAST = dict(type='LocalContrastNormalize', sigma=5)
NORMALIZE = dict(type='Normalize', mean=[90, 60, 30], std=[40, 30, 20], to_rgb=True)
OURS = dict(load='LoadPhotograph', arguments='img_scale=img_scale', resize='')
OF_MMSEG = dict(
    load='LoadImageFromFile',
    arguments='',
    resize="dict(type='Resize', keep_ratio=True),",
)
CONFIGS = {
    'ours': dict(OURS, values=CONTRAST),
    'normalized': dict(OURS, values=NORMALIZE),
    'of mmseg': dict(OF_MMSEG, values=CONTRAST),
}


def write(folder):
    """Write ``NAME.py`` of CONFIGS, one weights.pth for all, eye.jpg and eye.png."""
    for name, parts in CONFIGS.items():
        text = CONFIG.format(base=str(BASE), scale=SCALE, **parts)
        (folder / f'{name}.py').write_text(text)
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(20, 256, (20, 30, 3)).astype(np.uint8))
    photograph = coarse.resize(SIZE)
    photograph.save(folder / 'eye.jpg', quality=95)
    photograph.save(folder / 'eye.png')
    config = load_config(str(folder / 'ours.py'))
    steps = Preprocessing(SCALE, True, dict(CONTRAST, gain=4.0, fov_threshold=10))
    model = _build(config, steps.apply(np.asarray(photograph)[..., ::-1], SCALE))
    meta = dict(CLASSES=CLASSES, PALETTE=PALETTE, config=config.pretty_text)
    torch.save(
        dict(state_dict=model.state_dict(), meta=meta), str(folder / 'weights.pth')
    )


@torch.no_grad()
def _build(config, planes):
    """Return a network of random weights with logits of even spread for ``planes``."""
    torch.manual_seed(0)
    model = build_network(config)
    for parameter in model.parameters():
        parameter += 0.1 * torch.randn_like(parameter)
    logits = model.eval().encode_decode(torch.from_numpy(planes)[None], None)[0]
    classifier = model.decode_head.conv_seg
    spread = logits.std((1, 2)) / 3
    classifier.weight /= spread.view(-1, 1, 1, 1)
    classifier.bias.copy_((classifier.bias - logits.mean((1, 2))) / spread)
    return model
