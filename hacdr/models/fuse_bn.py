"""Networks for prediction only: less arithmetic, same output."""

from __future__ import annotations

import copy

import torch
import torch.nn as nn
from mmcv.cnn import fuse_conv_bn
from mmcv.cnn.bricks import DropPath
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from .backbones.hacdr import HCAB, Downsample
from .layers import DepthwiseConv2d, MDConv


def fuse_for_inference(model: nn.Module) -> nn.Module:
    """Return a copy of ``model`` for prediction, faster and with the same output.

    Batch normalisation and layer scale go into the neighbouring convolutions wherever
    that is exact; drop-out goes. What is left of a normalisation before a residual
    branch is one factor a channel. Other normalisations than batch normalisation, and
    one without running statistics, stay as they are. Plain convolutions work on
    channels-last pixels, which they do faster as long as no gradient is wanted.

    Args:
        model (nn.Module): HACDR, AdaptiveAggregationHead or what contains them, such
            as a segmentor. It stays as it is.

    Returns:
        nn.Module: in evaluation mode, without gradients. Its state dict is not that of
        ``model``: save that one.
    """
    fused = copy.deepcopy(model).eval().requires_grad_(False)
    for module in fused.modules():
        if _is_fusable(module):
            _set_parameters(module)
    _replace(fused)
    norms = [module for module in fused.modules() if isinstance(module, _BatchNorm)]
    if all(map(_is_fusable, norms)):
        fused = fuse_conv_bn(fused)
    # The deformable kernels read what these predict plane by plane.
    by_plane = [m.conv_offset for m in fused.modules() if isinstance(m, MDConv)]
    by_plane += [
        m for m in fused.modules() if isinstance(m, DepthwiseConv2d) and m.is_narrow
    ]
    for module in fused.modules():
        if isinstance(module, nn.Conv2d) and module not in by_plane:
            module.to(memory_format=torch.channels_last)
    return fused


def _replace(module):
    for name, child in module.named_children():
        if (
            isinstance(child, HCAB)
            and _is_fusable(child.norm1)
            and _is_fusable(child.norm2)
        ):
            setattr(module, name, FusedHCAB(child))
        elif isinstance(child, (_DropoutNd, DropPath)):
            setattr(module, name, nn.Identity())
        else:
            if isinstance(child, Downsample) and _is_fusable(child.norm):
                scale, shift = _affine(child.norm)
                _scale_outputs(child.conv, scale, shift)
                child.norm = nn.Identity()
            _replace(child)


class FusedHCAB(nn.Module):
    """A block of HACDR without normalisation and layer scale of its own.

    With ``norm1(x) = a * x + b`` the attention ``x + s * (proj(..) + norm1(x))`` is
    ``(1 + s * a) * x + (s * proj(..) + s * b)``: a factor for each channel of x, and
    another projection. The first 1x1 convolution of either part takes in the
    normalisation before it.

    Args:
        block (HCAB): in evaluation mode, with batch normalisation; its layers are
            changed and used.
    """

    def __init__(self, block: HCAB) -> None:
        super().__init__()
        scale, shift = _affine(block.norm1)
        haaa, dffn = block.haaa, block.dffn
        factor = block.layer_scale1
        _scale_inputs(haaa.cgmd.proj, scale, shift)
        _scale_outputs(haaa.proj, factor, factor * shift)
        _scale_inputs(dffn.expand, *_affine(block.norm2))
        _scale_outputs(dffn.project, block.layer_scale2, 0)
        _replace(haaa)
        _replace(dffn)
        self.haaa = haaa
        self.dffn = dffn
        self.register_buffer('factor', (1 + factor * scale).view(1, -1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform ``x``, (B, C, H, W)."""
        x = torch.addcmul(self.haaa.attend(x), x, self.factor)
        return self.dffn(x).add_(x)


def _is_fusable(norm):
    return isinstance(norm, _BatchNorm) and norm.running_var is not None


def _set_parameters(norm):
    """Give a normalisation without parameters those that change nothing."""
    if norm.weight is None:
        norm.weight = nn.Parameter(torch.ones_like(norm.running_var), False)
    if norm.bias is None:
        norm.bias = nn.Parameter(torch.zeros_like(norm.running_var), False)


def _affine(norm):
    """Return (scale, shift) of a batch normalisation in evaluation mode, (C,) each."""
    scale = torch.rsqrt(norm.running_var + norm.eps) * norm.weight
    return scale, norm.bias - norm.running_mean * scale


def _scale_inputs(conv, scale, shift):
    """Make a 1x1 ``conv`` compute what it computed of ``scale * x + shift``."""
    weight = conv.weight.flatten(1)
    conv.bias.data = conv.bias + weight @ shift
    conv.weight.data = (weight * scale).view_as(conv.weight)


def _scale_outputs(conv, scale, shift):
    """Make ``conv`` compute ``scale * conv(x) + shift``."""
    conv.bias.data = conv.bias * scale + shift
    conv.weight.data = conv.weight * scale.view(-1, 1, 1, 1)
