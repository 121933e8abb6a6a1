"""The operator as ONNX's own, DeformConv of opset 19, where a model is exported."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

import torch

from .geometry import Geometry

_wanted = False


@contextmanager
def deform_conv_operators() -> Iterator[None]:
    """Return a context in which exported models contain ONNX's DeformConv.

    Outside of it, and below opset 19, they contain the plain operations of
    :mod:`hacdr.ops.torch_conv`. For ``torch.onnx.export(..., opset_version=19,
    autograd_inlining=False)`` by its TorchScript way.
    """
    global _wanted
    before, _wanted = _wanted, True
    try:
        yield
    finally:
        _wanted = before


def is_wanted() -> bool:
    """Tell whether this is such a context."""
    return _wanted


def modulated_deform_conv2d_onnx(
    x: torch.Tensor,
    offset: torch.Tensor,
    mask: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    geometry: Geometry,
) -> torch.Tensor:
    """As :func:`hacdr.ops.modulated_deform_conv2d`, for checked tensors of one type.

    While it is traced; the result has the right shape, and is zero.
    """
    if bias is None:
        bias = x.new_zeros(len(weight))
    return _DeformConv.apply(x, offset, mask, weight, bias, geometry)


class _DeformConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, offset, mask, weight, bias, geometry):
        return x.new_zeros(x.shape[0], weight.shape[0], *offset.shape[2:])

    @staticmethod
    def symbolic(g, x, offset, mask, weight, bias, geometry):
        return g.op(
            'DeformConv',
            *(x, weight, offset, bias, mask),
            dilations_i=geometry.dilation,
            group_i=geometry.groups,
            kernel_shape_i=weight.type().sizes()[2:],
            offset_group_i=geometry.deform_groups,
            pads_i=[*geometry.padding, *geometry.padding],
            strides_i=geometry.stride,
        )
