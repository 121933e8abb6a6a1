"""The encoder of HACDR-Net, in the order and words of the paper's figure.

Xu et al., "HACDR-Net: Heterogeneous-Aware Convolutional Network for Diabetic
Retinopathy Multi-Lesion Segmentation", AAAI 2024, 38(6), 6342-6350,
doi:10.1609/aaai.v38i6.28453.

A photograph passes the :class:`CNNStem` and four stages of :class:`HCAB` blocks;
a strided modulated deformable convolution lies between two stages. A block is

* :class:`HAAA`, attention: :class:`CGMD` makes a trunk; cross-shaped large kernels
  (:class:`MLKCC`), short deformable axes (:class:`DCC`) and long deformable axes
  (:class:`ONFA`) look at the trunk side by side; their sum gates the block;
* :class:`DFFN`, a feed-forward network with a convolution inside.

Where the figure and the authors' released code differ, this is what the code ran.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Sequence

import torch
import torch.nn as nn
from mmcv.cnn import build_activation_layer, build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmcv.runner import BaseModule
from mmseg.models.builder import BACKBONES

from hacdr.models.layers import DepthwiseConv2d, LayerNorm2d, MDConv, checkpoint


class CNNStem(nn.Sequential):
    """Two strided 3x3 convolutions: the photograph at a quarter of its size.

    Shape:
        (B, in_channels, H, W) to (B, out_channels, H/4, W/4), rounded up.
    """

    def __init__(
        self, in_channels: int, out_channels: int, norm_cfg: dict, act_cfg: dict
    ) -> None:
        middle = out_channels // 2
        super().__init__(
            OrderedDict(
                conv1=nn.Conv2d(in_channels, middle, 3, stride=2, padding=1),
                norm1=build_norm_layer(norm_cfg, middle)[1],
                act=build_activation_layer(act_cfg),
                conv2=nn.Conv2d(middle, out_channels, 3, stride=2, padding=1),
                norm2=build_norm_layer(norm_cfg, out_channels)[1],
            )
        )


class Downsample(nn.Sequential):
    """Between two stages: a strided 3x3 MDConv with two fields of offsets, norm.

    The figure has a GELU in place of the norm; the released code does not.

    Shape:
        (B, in_channels, H, W) to (B, out_channels, H/2, W/2), rounded up.
    """

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: dict) -> None:
        super().__init__(
            OrderedDict(
                conv=MDConv(
                    in_channels, out_channels, 3, stride=2, padding=1, deform_groups=2
                ),
                norm=build_norm_layer(norm_cfg, out_channels)[1],
            )
        )


class CGMD(nn.Module):
    """1x1 convolution, GELU, depthwise 5x5 MDConv: the trunk of the attention.

    One field of offsets serves all channels.

    Shape:
        (B, C, H, W) to a pair of that shape: what went into the MDConv, which HAAA
        multiplies with, and what came out of it, which the branches look at.
    """

    def __init__(self, channels: int, act_cfg: dict) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, channels, 1)
        self.act = build_activation_layer(act_cfg)
        self.conv = MDConv(channels, channels, 5, padding=2, groups=channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (gate, trunk)."""
        gate = self.act(self.proj(x))
        return gate, self.conv(gate)


class AxialPair(nn.Sequential):
    """A 1xk convolution and a kx1 convolution, one after the other.

    Args:
        conv (type): ``DepthwiseConv2d`` or :class:`MDConv`.
        channels (int): channels in and out.
        kernel_size (int): k, odd.
        **kwargs: further arguments of both convolutions.
    """

    def __init__(
        self, conv: type, channels: int, kernel_size: int, **kwargs: Any
    ) -> None:
        k, pad = kernel_size, kernel_size // 2
        super().__init__(
            OrderedDict(
                row=conv(channels, channels, (1, k), padding=(0, pad), **kwargs),
                column=conv(channels, channels, (k, 1), padding=(pad, 0), **kwargs),
            )
        )


class MLKCC(nn.Module):
    """Sum of depthwise axial pairs of several large kernels.

    Long and crossing, for soft exudates and haemorrhages.

    Args:
        channels (int): channels in and out.
        kernel_sizes (sequence[int]): one pair each, odd.
    """

    def __init__(self, channels: int, kernel_sizes: Sequence[int]) -> None:
        super().__init__()
        self.pairs = nn.ModuleList(
            AxialPair(DepthwiseConv2d, channels, k, groups=channels)
            for k in kernel_sizes
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum, (B, C, H, W) as ``x``."""
        total = self.pairs[0](x)
        for pair in self.pairs[1:]:
            total = total + pair(x)
        return total


class DCC(AxialPair):
    """Axial pair of dense MDConvs in which every channel has its own offsets.

    Small and bent, for lesions whose outline no straight kernel follows. Its offset
    predictors, 27 C^2 a convolution, hold two thirds of the network's parameters.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__(MDConv, channels, kernel_size, deform_groups=channels)


class ONFA(AxialPair):
    """Axial pair of depthwise MDConvs with long kernels: near and far along an axis.

    The figure names the kernel (1xk, kx1, deformable, k chosen) and not the groups;
    in the released code the branch is never reached. Here all channels share a field
    of offsets, as in :class:`CGMD`: the 1x1 convolution behind the branches mixes
    the channels anyway, and offsets of every channel's own (as in :class:`DCC`)
    would take 147 C^2 parameters a convolution with k = 7, more than the rest of the
    network together. This way it is 2 % of the network.
    """

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__(MDConv, channels, kernel_size, groups=channels)


class HAAA(nn.Module):
    """Heterogeneous-aware attention: branches on a trunk, gating the block's input.

    ``gate, trunk = CGMD(x)``;
    ``proj(fuse(trunk + sum of branches(trunk)) * gate) + x``

    Args:
        channels (int): channels in and out.
        cross_kernels (sequence[int]): kernels of MLKCC, empty leaves it out.
        deform_kernel (int): kernel of DCC, 0 leaves it out.
        near_far_kernel (int): kernel of ONFA, 0 leaves it out.
        act_cfg (dict): activation.
    """

    def __init__(
        self,
        channels: int,
        cross_kernels: Sequence[int],
        deform_kernel: int,
        near_far_kernel: int,
        act_cfg: dict,
    ) -> None:
        super().__init__()
        self.cgmd = CGMD(channels, act_cfg)
        self.branches = nn.ModuleDict()
        if cross_kernels:
            self.branches['mlkcc'] = MLKCC(channels, cross_kernels)
        if deform_kernel:
            self.branches['dcc'] = DCC(channels, deform_kernel)
        if near_far_kernel:
            self.branches['onfa'] = ONFA(channels, near_far_kernel)
        self.fuse = nn.Conv2d(channels, channels, 1)
        self.proj = nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Attend to ``x``, (B, C, H, W)."""
        return self.attend(x) + x

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        """Return what is added to ``x``."""
        gate, trunk = self.cgmd(x)
        total = trunk
        for branch in self.branches.values():
            total = total + branch(trunk)
        return self.proj(self.fuse(total) * gate)


class DFFN(nn.Module):
    """Feed-forward network: 1x1 up, depthwise 3x3, activation, 1x1 down.

    Args:
        channels (int): channels in and out.
        hidden_channels (int): channels between.
        conv (str): 'conv' or 'mdconv', the 3x3 convolution (the figure offers both).
        drop_rate (float): probability of dropout after activation and output.
        act_cfg (dict): activation.
    """

    def __init__(
        self,
        channels: int,
        hidden_channels: int,
        conv: str,
        drop_rate: float,
        act_cfg: dict,
    ) -> None:
        super().__init__()
        conv_type = MDConv if conv == 'mdconv' else DepthwiseConv2d
        self.expand = nn.Conv2d(channels, hidden_channels, 1)
        self.conv = conv_type(
            hidden_channels, hidden_channels, 3, padding=1, groups=hidden_channels
        )
        self.act = build_activation_layer(act_cfg)
        self.project = nn.Conv2d(hidden_channels, channels, 1)
        self.drop = nn.Dropout(drop_rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform ``x``, (B, C, H, W)."""
        x = self.drop(self.act(self.conv(self.expand(x))))
        return self.drop(self.project(x))


class HCAB(nn.Module):
    """Block: ``x + scale1 * HAAA(norm1(x))``, then ``x + scale2 * DFFN(norm2(x))``.

    Args:
        channels (int): channels in and out.
        ffn_ratio (float): hidden channels of DFFN over ``channels``.
        branches (dict): the kernel arguments of :class:`HAAA`.
        ffn (str): the ``conv`` argument of :class:`DFFN`.
        drop_rate (float): dropout in DFFN.
        drop_path_rate (float): probability that a sample skips a residual branch.
        layer_scale (float): start of the factors that each channel learns.
        norm_cfg (dict): normalisation.
        act_cfg (dict): activation.
    """

    def __init__(
        self,
        channels: int,
        ffn_ratio: float,
        branches: dict,
        ffn: str,
        drop_rate: float,
        drop_path_rate: float,
        layer_scale: float,
        norm_cfg: dict,
        act_cfg: dict,
    ) -> None:
        super().__init__()
        self.norm1 = build_norm_layer(norm_cfg, channels)[1]
        self.haaa = HAAA(channels, act_cfg=act_cfg, **branches)
        self.layer_scale1 = nn.Parameter(torch.full((channels,), layer_scale))
        self.norm2 = build_norm_layer(norm_cfg, channels)[1]
        hidden_channels = int(channels * ffn_ratio)
        self.dffn = DFFN(channels, hidden_channels, ffn, drop_rate, act_cfg)
        self.layer_scale2 = nn.Parameter(torch.full((channels,), layer_scale))
        self.drop_path = DropPath(drop_path_rate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform ``x``, (B, C, H, W)."""
        x = self._add(x, self.layer_scale1, self.haaa(self.norm1(x)))
        return self._add(x, self.layer_scale2, self.dffn(self.norm2(x)))

    def _add(self, x, scale, residual):
        # Dropping the (B, C, 1, 1) factors instead of the residual saves two passes
        # over it and is the same.
        factors = self.drop_path(scale.view(1, -1, 1, 1).expand(x.shape[0], -1, 1, 1))
        return torch.addcmul(x, factors, residual)


class Stage(nn.Module):
    """Stem or downsampling, blocks, layer normalisation over channels.

    Args:
        embed (nn.Module): what makes this stage's channels and size.
        blocks (list[nn.Module]): the blocks.
        channels (int): channels of this stage.
        with_cp (bool): keep no activations inside the blocks for backward.
    """

    def __init__(
        self, embed: nn.Module, blocks: list[nn.Module], channels: int, with_cp: bool
    ) -> None:
        super().__init__()
        self.embed = embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = LayerNorm2d(channels)
        self.with_cp = with_cp

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Transform ``x``, (B, C, H, W)."""
        x = self.embed(x)
        for block in self.blocks:
            x = checkpoint(block, x) if self.with_cp else block(x)
        return self.norm(x)


@BACKBONES.register_module()
class HACDR(BaseModule):
    """Encoder of HACDR-Net; the defaults are the network of the paper.

    Without the near-far branch (``near_far_kernel=0``) it is the network that the
    authors' released code ran, with 23,527,057 parameters.

    Args:
        in_channels (int): channels of the input.
        embed_dims (sequence[int]): channels of each stage, even.
        depths (sequence[int]): blocks of each stage.
        ffn_ratios (sequence[float]): hidden over outer channels of DFFN, each stage.
        drop_rate (float): dropout in DFFN.
        drop_path_rate (float): stochastic depth: the probability of leaving a block
            out grows linearly over all blocks, from 0 to this.
        cross_kernels (sequence[int]): kernels of MLKCC, odd; empty leaves it out.
        deform_kernel (int): kernel of DCC, odd; 0 leaves it out.
        near_far_kernel (int): kernel of ONFA, odd; 0 leaves it out.
        ffn (str): 'conv' or 'mdconv', the convolution inside DFFN.
        layer_scale (float): start of the residual branches' factors.
        zero_offset_init (bool): start with all offsets zero, as deformable
            convolutions are meant to. False starts the offset predictors like every
            other convolution, as the released code does.
        out_indices (sequence[int]): stages to return. Stages beyond the last of them
            are not built.
        with_cp (bool): checkpoint the blocks: less memory, more time, same gradients
            and same batch statistics.
        norm_cfg (dict): normalisation. 'SyncBN' works on the CPU as in all of mmseg:
            its tools turn it into 'BN' where there is no process group.
        act_cfg (dict): activation.
        init_cfg (dict | list[dict] | None): mmcv's, applied on top of the
            network's own initialisation, e.g.
            ``dict(type='Pretrained', checkpoint=...)``.

    Shape:
        (B, in_channels, H, W), at least 32x32, to a tuple of
        (B, embed_dims[i], H / 2^(i+2), W / 2^(i+2)), rounded up, for i in
        ``out_indices``. Batch normalisation cannot train on one value a channel: a
        single image in training must be larger than 32x32.

    Raises:
        ValueError: arguments that do not fit each other.
    """

    def __init__(
        self,
        in_channels: int = 3,
        embed_dims: Sequence[int] = (32, 64, 160, 256),
        depths: Sequence[int] = (3, 3, 5, 2),
        ffn_ratios: Sequence[float] = (8, 8, 4, 4),
        drop_rate: float = 0.1,
        drop_path_rate: float = 0.1,
        cross_kernels: Sequence[int] = (7, 11, 21),
        deform_kernel: int = 3,
        near_far_kernel: int = 7,
        ffn: str = 'conv',
        layer_scale: float = 0.01,
        zero_offset_init: bool = True,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        with_cp: bool = False,
        norm_cfg: dict = {'type': 'BN'},  # noqa: B006
        act_cfg: dict = {'type': 'GELU'},  # noqa: B006
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not len(embed_dims) == len(depths) == len(ffn_ratios):
            raise ValueError(
                'embed_dims, depths and ffn_ratios must have one value for each '
                f'stage, got {embed_dims}, {depths} and {ffn_ratios}'
            )
        if any(dim < 2 or dim % 2 for dim in embed_dims):
            raise ValueError(f'embed_dims must be even, got {embed_dims}')
        if any(int(dim * ratio) < 1 for dim, ratio in zip(embed_dims, ffn_ratios)):
            raise ValueError(
                'ffn_ratios must give each stage a hidden channel at least, got '
                f'{ffn_ratios} for embed_dims={embed_dims}'
            )
        for kernel in (*cross_kernels, deform_kernel or 1, near_far_kernel or 1):
            if kernel < 1 or kernel % 2 == 0:
                raise ValueError(
                    'kernels must be odd (0 leaves the deformable or the near-far '
                    f'branch out), got cross_kernels={cross_kernels}, '
                    f'deform_kernel={deform_kernel}, near_far_kernel={near_far_kernel}'
                )
        if ffn not in ('conv', 'mdconv'):
            raise ValueError(f"ffn must be 'conv' or 'mdconv', got {ffn!r}")
        for name, rate in (('drop', drop_rate), ('drop_path', drop_path_rate)):
            if not 0 <= rate < 1:
                raise ValueError(
                    f'{name}_rate must be at least 0 and less than 1, got {rate}'
                )
        if not out_indices or not set(out_indices) <= set(range(len(depths))):
            raise ValueError(
                f'out_indices must name some of the stages 0 to {len(depths) - 1}, '
                f'got {out_indices}'
            )
        self.out_indices = tuple(out_indices)
        self.zero_offset_init = zero_offset_init

        block_args: dict[str, Any] = {
            'branches': {
                'cross_kernels': cross_kernels,
                'deform_kernel': deform_kernel,
                'near_far_kernel': near_far_kernel,
            },
            'ffn': ffn,
            'drop_rate': drop_rate,
            'layer_scale': layer_scale,
            'norm_cfg': norm_cfg,
            'act_cfg': act_cfg,
        }
        rates = torch.linspace(0, drop_path_rate, sum(depths), dtype=torch.float64)
        drop_path_rates = iter(rates.tolist())
        self.stages = nn.ModuleList()
        for i in range(max(out_indices) + 1):
            channels = embed_dims[i]
            if i == 0:
                embed = CNNStem(in_channels, channels, norm_cfg, act_cfg)
            else:
                embed = Downsample(embed_dims[i - 1], channels, norm_cfg)
            blocks = [
                HCAB(
                    channels,
                    ffn_ratios[i],
                    drop_path_rate=next(drop_path_rates),
                    **block_args,
                )
                for _ in range(depths[i])
            ]
            self.stages.append(Stage(embed, blocks, channels, with_cp))

    def init_weights(self) -> None:
        """Initialise as released, offset predictors at zero, ``init_cfg`` on top.

        Convolutions: normal with standard deviation sqrt(2 / fan out), where fan out
        counts a group's outputs; biases zero. Deformable kernels keep mmcv's own
        initialisation (:meth:`MDConv.init_weights`). A second call changes nothing, so
        that weights loaded since stay.
        """
        if self.is_init:
            super().init_weights()  # warns
            return
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.weight[0, 0].numel() * module.out_channels
                std = (2 * module.groups / fan_out) ** 0.5
                nn.init.normal_(module.weight, std=std)
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, MDConv) and self.zero_offset_init:
                nn.init.zeros_(module.conv_offset.weight)
        super().init_weights()
        # mmcv leaves this out where it has loaded weights.
        self._is_init = True

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the chosen stages of ``x``, (B, in_channels, H, W)."""
        outs = []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i in self.out_indices:
                outs.append(x)
        return tuple(outs)
