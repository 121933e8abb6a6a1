"""Modulated deformable convolution by mmcv's compiled operator."""

from __future__ import annotations

import torch
from mmcv.ops import modulated_deform_conv2d as operator

from .geometry import Geometry
from .torch_conv import modulated_deform_conv2d_torch


def modulated_deform_conv2d_mmcv(
    x: torch.Tensor,
    offset: torch.Tensor,
    mask: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    geometry: Geometry,
) -> torch.Tensor:
    """As :func:`hacdr.ops.modulated_deform_conv2d`, for checked tensors of one type."""
    if len(x) == 0:
        # mmcv's operator divides by the size of the batch.
        return modulated_deform_conv2d_torch(x, offset, mask, weight, bias, geometry)
    # It reads memory as if every tensor were contiguous, and checks nothing.
    inputs = [t.contiguous() for t in (x, offset, mask, weight)]
    return operator(*inputs, bias, *geometry)
