"""Layer normalisation over the channels of an image-shaped tensor."""

from __future__ import annotations

import torch
import torch.nn as nn

from hacdr.ops.precision import compute_dtype


class LayerNorm2d(nn.LayerNorm):
    """Normalise every pixel over its channels, then scale and shift them.

    Works on (B, C, H, W) as it lies. ``F.layer_norm`` wants channels last; with the
    copies there and back it takes up to twice as long (fine stages, CPU). Half
    precision is computed in float32, where squares and their sum have room. It is one
    of torch's norms, so that ``norm_decay_mult`` of mmcv's optimizers counts for it.

    Args:
        num_channels (int): C.
        eps (float): added to the variance.

    Shape:
        (B, C, H, W) to the same shape and type.
    """

    def __init__(self, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__(num_channels, eps)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise ``x``, (B, C, H, W)."""
        wide = x.to(compute_dtype(x))
        centred = wide - wide.mean(1, keepdim=True)
        variance = (centred * centred).mean(1, keepdim=True)
        normalised = centred * torch.rsqrt(variance + self.eps)
        bias, weight = (t.view(-1, 1, 1).to(wide) for t in (self.bias, self.weight))
        return torch.addcmul(bias, normalised, weight).to(x.dtype)

    def extra_repr(self) -> str:
        """Show the constructor's arguments."""
        return f'{len(self.weight)}, eps={self.eps}'
