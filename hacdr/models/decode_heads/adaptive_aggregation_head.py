"""The decoder of HACDR-Net: from the coarsest map to the finest, skip by skip."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Sequence

import torch
import torch.nn as nn
from mmcv.cnn import (
    ConvModule,
    build_activation_layer,
    build_norm_layer,
    initialize,
)
from mmseg.models.builder import HEADS
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.ops import resize

from hacdr.models.class_prior import check_class_prior, set_class_prior


class ChannelGate(nn.Module):
    """Weigh the channels of two maps by what both contain.

    Mean and maximum of each channel over space describe the maps: the mean says how
    much there is of something, the maximum finds the microaneurysm of nine pixels
    that drowns in a mean. Two fully connected layers turn the description into a
    weight between 0 and 2 for each channel, 1 at start.

    Args:
        channels (int): channels of both maps together.
        reduction (int): ``channels`` over the hidden layer's width.

    Shape:
        (B, channels, H, W) to weights (B, channels, 1, 1).
    """

    def __init__(self, channels: int, reduction: int = 8) -> None:
        super().__init__()
        hidden = max(channels // reduction, 4)
        self.squeeze = nn.Conv2d(2 * channels, hidden, 1)
        self.excite = nn.Conv2d(hidden, channels, 1)
        nn.init.zeros_(self.excite.weight)
        nn.init.zeros_(self.excite.bias)

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        """Return the weights for ``both`` maps, concatenated."""
        statistics = torch.cat(
            [both.mean((2, 3), keepdim=True), both.amax((2, 3), keepdim=True)], 1
        )
        return 2 * torch.sigmoid(self.excite(torch.relu(self.squeeze(statistics))))


class SpatialGate(nn.Module):
    """Decide for each pixel which of two maps to trust, the fine or the coarse.

    Mean and maximum of each map over its channels describe a pixel; a 7x7
    convolution and a softmax over the two maps give weights that sum to 2, each 1 at
    start.

    Shape:
        (B, Cs, H, W) and (B, Cu, H, W) to two weights (B, 1, H, W).
    """

    def __init__(self, kernel_size: int = 7) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 2, kernel_size, padding=kernel_size // 2)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)

    def forward(self, skip: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        """Return the weights of ``skip`` and ``up``."""
        statistics = [
            statistic
            for x in (skip, up)
            for statistic in (x.mean(1, keepdim=True), x.amax(1, keepdim=True))
        ]
        weights = 2 * torch.softmax(self.conv(torch.cat(statistics, 1)), 1)
        return weights[:, :1], weights[:, 1:]


class AdaptiveGate(nn.Module):
    """Channel weights, then spatial weights; the identity at start.

    Shape:
        skip (B, Cs, H, W) and up (B, Cu, H, W) to their concatenation
        (B, Cs + Cu, H, W), weighed.
    """

    def __init__(self, skip_channels: int, up_channels: int) -> None:
        super().__init__()
        self.split = [skip_channels, up_channels]
        self.channel = ChannelGate(skip_channels + up_channels)
        self.spatial = SpatialGate()

    def forward(self, skip: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
        """Weigh and concatenate."""
        both = torch.cat([skip, up], 1)
        skip, up = (both * self.channel(both)).split(self.split, 1)
        skip_weight, up_weight = self.spatial(skip, up)
        return torch.cat([skip * skip_weight, up * up_weight], 1)


class Aggregation(nn.Module):
    """One step up: CCBG, i.e. concatenate, then twice convolution, norm, activation.

    Args:
        skip_channels (int): channels of the skip, and of the result.
        up_channels (int): channels of the coarser map.
        adaptive (bool): weigh the two maps with an :class:`AdaptiveGate`.
        align_corners (bool): of the bilinear upsampling.
        norm_cfg (dict): normalisation.
        act_cfg (dict): activation.

    Shape:
        skip (B, Cs, H, W) and x (B, Cu, h, w) to (B, Cs, H, W).
    """

    def __init__(
        self,
        skip_channels: int,
        up_channels: int,
        adaptive: bool,
        align_corners: bool,
        norm_cfg: dict,
        act_cfg: dict,
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.gate = AdaptiveGate(skip_channels, up_channels) if adaptive else None
        self.ccbg = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(
                    skip_channels + up_channels, skip_channels, 3, padding=1
                ),
                norm1=build_norm_layer(norm_cfg, skip_channels)[1],
                act1=build_activation_layer(act_cfg),
                conv2=nn.Conv2d(skip_channels, skip_channels, 3, padding=1),
                norm2=build_norm_layer(norm_cfg, skip_channels)[1],
                act2=build_activation_layer(act_cfg),
            )
        )

    def forward(self, skip: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Bring ``x`` to the size of ``skip`` and aggregate the two."""
        up = resize(
            x, skip.shape[2:], mode='bilinear', align_corners=self.align_corners
        )
        both = torch.cat([skip, up], 1) if self.gate is None else self.gate(skip, up)
        return self.ccbg(both)


@HEADS.register_module()
class AdaptiveAggregationHead(BaseDecodeHead):
    """Decoder of HACDR-Net.

    Step by step, the map is brought to the size of the next finer one and aggregated
    with it; a 1x1 convolution and the classifier end it. The logits have the size of
    the finest map; mmseg brings them to the photograph's.

    Args:
        in_channels (sequence[int]): channels of the maps, finest first.
        channels (int): channels before the classifier.
        mode (str): 'concat' aggregates as drawn and released (CCBG), 'adaptive'
            weighs both maps along channels and along space before each step. The
            weights are 1 at start, so that training begins where 'concat' does.
        in_index (sequence[int]): which maps of the backbone, finest first.
        dropout_ratio (float): dropout of whole channels before the classifier.
        norm_cfg (dict): normalisation.
        act_cfg (dict | None): activation of all convolutions; the gates of 'adaptive'
            keep theirs. None takes the released network's: GELU, and ReLU after the
            1x1 convolution.
        class_prior (sequence[float] | None): share of pixels or pixel count of each
            class. The classifier's bias starts at its logarithm, so that the network
            begins by predicting the shares instead of spending its first
            iterations on learning that nearly all is background.
        **kwargs: of mmseg's ``BaseDecodeHead``: ``num_classes``, ``loss_decode``,
            ``align_corners``, ``init_cfg``, ...

    Shape:
        a sequence of (B, in_channels[i], Hi, Wi) to logits (B, num_classes, H0, W0).

    Raises:
        ValueError: an unknown mode, fewer than two maps, or a prior that does not
            fit the classes.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        channels: int,
        *,
        mode: str = 'concat',
        in_index: Sequence[int] = (0, 1, 2, 3),
        dropout_ratio: float = 0.2,
        norm_cfg: dict = {'type': 'BN'},  # noqa: B006
        act_cfg: dict | None = None,
        class_prior: Sequence[float] | None = None,
        **kwargs: Any,
    ) -> None:
        if mode not in ('concat', 'adaptive'):
            raise ValueError(f"mode must be 'concat' or 'adaptive', got {mode!r}")
        if len(in_channels) < 2 or len(in_channels) != len(in_index):
            raise ValueError(
                'in_channels and in_index must name the same two or more maps, got '
                f'in_channels={in_channels}, in_index={in_index}'
            )
        super().__init__(
            in_channels,
            channels,
            in_index=in_index,
            input_transform='multiple_select',
            dropout_ratio=dropout_ratio,
            norm_cfg=norm_cfg,
            act_cfg=act_cfg or {'type': 'ReLU'},
            **kwargs,
        )
        if class_prior is not None:
            check_class_prior(class_prior, self.num_classes)
        self.class_prior = class_prior
        self.aggregations = nn.ModuleList(
            Aggregation(
                in_channels[i],
                in_channels[i + 1],
                mode == 'adaptive',
                self.align_corners,
                norm_cfg,
                act_cfg or {'type': 'GELU'},
            )
            for i in reversed(range(len(in_channels) - 1))
        )
        self.align = ConvModule(
            in_channels[0], channels, 1, norm_cfg=norm_cfg, act_cfg=self.act_cfg
        )

    def init_weights(self) -> None:
        """Initialise as mmseg's heads, and the classifier's bias at the prior.

        Weights that ``init_cfg`` loads come last. A second call changes nothing, so
        that weights loaded since stay.
        """
        again = self.is_init
        super().init_weights()
        if again:
            return
        if self.class_prior is not None:
            set_class_prior(self.conv_seg, self.class_prior)
        # mmcv initialises layers after it has gone through a list, also those that the
        # list has loaded.
        steps = self.init_cfg or []
        steps = [steps] if isinstance(steps, dict) else steps
        initialize(self, [step for step in steps if step['type'] == 'Pretrained'])
        self._is_init = True

    def forward(self, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the logits of the backbone's maps ``inputs``."""
        *skips, x = self._transform_inputs(inputs)
        for aggregate, skip in zip(self.aggregations, reversed(skips)):
            x = aggregate(skip, x)
        return self.cls_seg(self.align(x))
