"""How tensors of images lie in memory."""

from __future__ import annotations

import torch


def is_channels_last(x: torch.Tensor) -> bool:
    """Say whether ``x`` lies channels-last and no other way; outputs follow it."""
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
