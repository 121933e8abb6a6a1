"""The types that the kernels compute in."""

from __future__ import annotations

from contextlib import nullcontext
from typing import ContextManager

import torch


def compute_dtype(x: torch.Tensor) -> torch.dtype:
    """Return the type of coordinates, masks and sums: float32, of float64 float64.

    Half precision is too coarse for coordinates: from 256 on, those of float16 are a
    quarter of a pixel apart.
    """
    return torch.promote_types(x.dtype, torch.float32)


def without_autocast(x: torch.Tensor) -> ContextManager:
    """Return a context in which autocast leaves operations on the device of x alone."""
    device = x.device.type
    # torch before 2.3 has no such question.
    supports = getattr(torch.amp, 'is_autocast_available', ('cpu', 'cuda').__contains__)
    return torch.autocast(device, enabled=False) if supports(device) else nullcontext()
