"""Where the taps of a convolution lie, and which channels belong together."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import torch
from torch.nn.modules.utils import _pair


class Geometry(NamedTuple):
    """The numbers of a modulated deformable convolution, as ``nn.Conv2d`` has them.

    Attributes:
        stride, padding, dilation (tuple[int, int]): in y and in x.
        groups (int): groups of channels with kernels of their own.
        deform_groups (int): groups of channels with offsets of their own.
    """

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    deform_groups: int

    @classmethod
    def of(
        cls,
        stride: int | tuple[int, int],
        padding: int | tuple[int, int],
        dilation: int | tuple[int, int],
        groups: int,
        deform_groups: int,
    ) -> Geometry:
        """Build one from what a caller may give: an int stands for a pair of it."""
        pairs = (_pair(stride), _pair(padding), _pair(dilation))
        return cls(*pairs, groups, deform_groups)

    @classmethod
    def from_list(cls, numbers: Sequence[int]) -> Geometry:
        """Build one from :meth:`to_list`."""
        sy, sx, py, px, dy, dx, groups, deform_groups = numbers
        return cls((sy, sx), (py, px), (dy, dx), groups, deform_groups)

    def to_list(self) -> list[int]:
        """Return all as a list of eight int, which operators of torch take."""
        return [
            *self.stride,
            *self.padding,
            *self.dilation,
            self.groups,
            self.deform_groups,
        ]

    def is_depthwise(self, x: torch.Tensor, weight: torch.Tensor) -> bool:
        """Say whether every channel has its own kernel, and all the same offsets."""
        return self.groups == x.shape[1] == len(weight) and self.deform_groups == 1
