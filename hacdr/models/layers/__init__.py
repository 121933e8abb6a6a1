"""Layers shared by backbone and head."""

from .checkpoint import checkpoint
from .layer_norm import LayerNorm2d
from .md_conv import MDConv

__all__ = ['LayerNorm2d', 'MDConv', 'checkpoint']
