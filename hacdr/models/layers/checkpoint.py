"""Activation checkpointing that leaves batch statistics alone."""

from __future__ import annotations

from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils import checkpoint as torch_checkpoint


def checkpoint(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Compute ``module(x)`` without keeping its activations for backward.

    Backward computes them again: more time, less memory, same gradients. Unlike
    plain ``torch.utils.checkpoint``, the second computation does not feed the
    running statistics of batch normalisation a second time, so they too are as
    without checkpointing.

    Args:
        module (nn.Module): takes and returns one tensor.
        x (Tensor): its input. Without gradient, and by ``torch.jit.trace``, ``module``
            is called directly.
    """
    if torch.jit.is_tracing() or not (torch.is_grad_enabled() and x.requires_grad):
        return module(x)

    def run(inputs):
        # The first computation runs without gradient, the repetition with it.
        if torch.is_grad_enabled():
            with _frozen_statistics(module):
                return module(inputs)
        return module(inputs)

    return torch_checkpoint.checkpoint(run, x, use_reentrant=True)


@contextmanager
def _frozen_statistics(module):
    layers = [
        layer
        for layer in module.modules()
        if isinstance(layer, _BatchNorm) and layer.training
    ]
    tracked = [layer.track_running_stats for layer in layers]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer, value in zip(layers, tracked):
            layer.track_running_stats = value
