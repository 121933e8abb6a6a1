"""Modulated deformable convolution as a layer."""

from __future__ import annotations

import math

import torch
import torch.nn as nn
from mmcv.cnn import CONV_LAYERS
from torch.nn.modules.utils import _pair

from hacdr.ops import modulated_deform_conv2d_packed


@CONV_LAYERS.register_module()
class MDConv(nn.Module):
    """Modulated deformable convolution (DCNv2, arXiv:1811.11168) with its predictor.

    An ordinary convolution, ``conv_offset``, predicts for each output pixel and
    each kernel tap where to read (two offsets in pixels) and how much it counts (a
    mask between 0 and 1). It starts at zero: no offset, every tap counts half.

    Arguments and state dict are those of mmcv's ``ModulatedDeformConv2dPack``, so
    weights move between the two. In mmcv and mmseg, ``conv_cfg=dict(type='MDConv')``
    builds it. A learning rate of its own for the predictors is one line of mmcv's
    ``paramwise_cfg``: ``custom_keys=dict(conv_offset=dict(lr_mult=0.1))``.

    Args:
        in_channels (int): channels of the input.
        out_channels (int): channels of the output.
        kernel_size (int | tuple[int]): kernel, (height, width).
        stride, padding, dilation (int | tuple[int]): as in ``nn.Conv2d``.
        groups (int): as in ``nn.Conv2d``; ``in_channels`` makes it depthwise.
        deform_groups (int): groups of input channels with offsets of their own. 1:
            all share one field of offsets; ``in_channels``: each has its own.
        bias (bool): add a bias.

    Shape:
        (B, in_channels, H, W) to (B, out_channels, Ho, Wo), Ho and Wo as in
        ``nn.Conv2d``.

    Raises:
        ValueError: channels that ``groups`` or ``deform_groups`` do not divide.
    """

    # What mmcv's ConvModule reads off every convolution it wraps.
    transposed = False
    output_padding = (0, 0)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        deform_groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f'groups must divide in_channels and out_channels, got '
                f'groups={groups}, in_channels={in_channels}, '
                f'out_channels={out_channels}'
            )
        if deform_groups < 1 or in_channels % deform_groups:
            raise ValueError(
                f'deform_groups must divide in_channels, got '
                f'deform_groups={deform_groups}, in_channels={in_channels}'
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.stride = _pair(stride)
        self.padding = _pair(padding)
        self.dilation = _pair(dilation)
        self.groups = groups
        self.deform_groups = deform_groups
        self.weight = nn.Parameter(
            torch.empty(out_channels, in_channels // groups, *self.kernel_size)
        )
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels))
        else:
            self.register_parameter('bias', None)
        taps = self.kernel_size[0] * self.kernel_size[1]
        self.conv_offset = nn.Conv2d(
            in_channels,
            3 * deform_groups * taps,
            self.kernel_size,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )
        self.init_weights()

    def init_weights(self) -> None:
        """Kernel uniform as mmcv starts it, bias and predictor zero."""
        taps = self.kernel_size[0] * self.kernel_size[1]
        bound = 1 / math.sqrt(self.in_channels * taps)
        nn.init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        nn.init.zeros_(self.conv_offset.weight)
        nn.init.zeros_(self.conv_offset.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve ``x``, (B, in_channels, H, W)."""
        return modulated_deform_conv2d_packed(
            x,
            # The kernels read the offsets plane by plane.
            self.conv_offset(x.contiguous()),
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
            self.deform_groups,
        )

    def extra_repr(self) -> str:
        """Show the constructor's arguments."""
        return (
            f'{self.in_channels}, {self.out_channels}, '
            f'kernel_size={self.kernel_size}, stride={self.stride}, '
            f'padding={self.padding}, dilation={self.dilation}, '
            f'groups={self.groups}, deform_groups={self.deform_groups}, '
            f'bias={self.bias is not None}'
        )
