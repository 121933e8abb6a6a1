"""The released network's fixture and the same network of ours."""

import json
from pathlib import Path

import numpy as np
import torch

from hacdr.models import HACDR, AdaptiveAggregationHead

DATA = Path(__file__).parents[1] / 'data'
# Position in our class order -> position in the released one.
CLASS_ORDER = [0, 1, 4, 3, 2]


def load(name):
    """Return (arrays as tensors, meta) of tests/data/<name>.npz."""
    with np.load(DATA / f'{name}.npz') as arrays:
        meta = json.loads(str(arrays['meta']))
        tensors = {
            key: torch.from_numpy(arrays[key]) for key in arrays.files if key != 'meta'
        }
    return tensors, meta


def mmseg_names(tensors, prefix=''):
    """Return what lies under ``prefix``, backbone/x named backbone.x and so on."""
    return {
        key[len(prefix) :]
        .replace('backbone/', 'backbone.')
        .replace('head/', 'decode_head.'): tensor
        for key, tensor in tensors.items()
        if key.startswith((f'{prefix}backbone/', f'{prefix}head/'))
    }


class Network(torch.nn.Module):
    """Backbone and head, as mmseg's EncoderDecoder names them."""

    def __init__(self, backbone, decode_head):
        super().__init__()
        self.backbone = backbone
        self.decode_head = decode_head

    def forward(self, x):
        """Return the logits of ``x``."""
        return self.decode_head(self.backbone(x))


def build(meta):
    """Build the released network of ``meta`` with random weights."""
    backbone = HACDR(
        embed_dims=meta['embed_dims'],
        depths=meta['depths'],
        ffn_ratios=meta['DFFN_ratios'],
        drop_rate=meta['drop_rate'],
        drop_path_rate=meta['drop_path_rate'],
        near_far_kernel=0,
    )
    head = AdaptiveAggregationHead(
        meta['embed_dims'],
        meta['head_channels'],
        num_classes=meta['num_classes'],
        align_corners=meta['align_corners'],
        dropout_ratio=0,
    )
    return Network(backbone, head)


def relative_error(actual, expected):
    """Return the largest deviation over the largest magnitude."""
    assert actual.shape == expected.shape
    return float((actual - expected).abs().max() / expected.abs().max())
