"""Layers shared by backbone and head."""

from .checkpoint import checkpoint
from .depthwise_conv import DepthwiseConv2d
from .layer_norm import LayerNorm2d
from .md_conv import MDConv

__all__ = ['DepthwiseConv2d', 'LayerNorm2d', 'MDConv', 'checkpoint']
