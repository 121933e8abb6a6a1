"""Backbones, heads, losses and segmentors, registered with mmseg on import."""

from . import class_prior, segmentors  # noqa: F401
from .backbones import HACDR
from .decode_heads import AdaptiveAggregationHead
from .fuse_bn import fuse_for_inference
from .layers import MDConv
from .losses import NALoss
from .mscan_weights import convert_mscan_state_dict
from .released_weights import convert_released_state_dict

__all__ = [
    'HACDR',
    'AdaptiveAggregationHead',
    'MDConv',
    'NALoss',
    'convert_mscan_state_dict',
    'convert_released_state_dict',
    'fuse_for_inference',
]
