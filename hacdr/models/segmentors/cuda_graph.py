"""Forward and backward of a network as CUDA graphs.

A step of HACDR starts thousands of short kernels, and the host that starts them one by
one is slower than the GPU. A CUDA graph is recorded once and started as a whole.
"""

from __future__ import annotations

import logging
from typing import Callable

import torch
import torch.nn as nn
from mmcv.runner import get_dist_info

from hacdr.errors import first_line

logger = logging.getLogger('hacdr')


class GraphedNetwork:
    """A network that records its first training step, and replays it on later batches.

    What differs from the recorded step runs as ever: batches of another shape, weights
    that were exchanged for others (values may change in their place), modules in
    another mode. What is returned lives until the next call.

    Args:
        network (nn.Module): tensor to tuple of tensors. It may not wait for the GPU,
            nor decide anything by values of tensors.

    Raises:
        RuntimeError: the network cannot be recorded, or gradients of several calls are
            added up, which lie in the same memory.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._recorded: Callable | None = None
        self._state = None
        self._calls = 0
        self._warned = False

    def __reduce__(self):
        # Copies record anew.
        return GraphedNetwork, (self._network,)

    def __call__(self, img: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self._recorded is None:
            self._record(img)
            self._state = self._describe(img)
        if self._describe(img) != self._state:
            if not self._warned:
                logger.warning(
                    'train_cfg.cuda_graph: a step is not as the recorded one, and runs '
                    'without a graph (crops of %s)',
                    tuple(img.shape),
                )
                self._warned = True
            return self._network(img)
        self._calls += 1
        outputs = self._recorded(img)
        guard = _Guard(self, self._calls)
        for tensor in _tensors(outputs):
            if tensor.requires_grad:
                tensor.register_hook(guard)
        return outputs

    def _describe(self, img):
        """Return what must be as it was recorded."""
        network = self._network
        places = [t.data_ptr() for t in (*network.parameters(), *network.buffers())]
        modes = [module.training for module in network.modules()]
        return img.shape, img.dtype, img.device, _autocast_type(), places, modes

    def _record(self, img):
        processes = get_dist_info()[1]
        if processes > 1:
            raise RuntimeError(
                f'train_cfg.cuda_graph: expected one process, found {processes}'
            )
        modules = list(self._network.modules())
        # mmcv's auto_fp16 would bring autocast's cache of casts back.
        cast = [m for m in modules if getattr(m, 'fp16_enabled', False)]
        # Recording runs the network a few times before, of which nothing may stay.
        buffers = list(self._network.buffers())
        before = [buffer.clone() for buffer in buffers]
        for module in cast:
            module.fp16_enabled = False
        try:
            # Casts of weights belong to every step: none may come from a cache.
            with torch.cuda.device(img.device), torch.random.fork_rng(
                [img.device]
            ), torch.autocast(
                'cuda',
                dtype=torch.get_autocast_gpu_dtype(),
                enabled=torch.is_autocast_enabled(),
                cache_enabled=False,
            ):
                # The graph keeps its arguments: later batches are copied there.
                self._recorded = torch.cuda.make_graphed_callables(
                    _Function(self._network), (img.clone(),), allow_unused_input=True
                )
        except RuntimeError as error:
            raise RuntimeError(
                'train_cfg.cuda_graph: the network cannot be recorded: '
                f'{first_line(error)}'
            ) from error
        finally:
            for module in cast:
                module.fp16_enabled = True
        with torch.no_grad():
            for buffer, value in zip(buffers, before):
                buffer.copy_(value)

    def _check_backward(self, call):
        used = any(p.grad is not None for p in self._network.parameters())
        if used or call != self._calls:
            raise RuntimeError(
                'train_cfg.cuda_graph: gradients of several steps cannot be added up, '
                'expected optimizer.zero_grad(set_to_none=True) and one backward for '
                'each forward'
            )


class _Guard:
    """Refuses a backward that would add to gradients, before it begins."""

    def __init__(self, owner, call):
        self._owner = owner
        self._call = call
        self._passed = False

    def __call__(self, grad):
        # Several outputs have one backward.
        if not self._passed:
            self._owner._check_backward(self._call)
            self._passed = True


class _Function(nn.Module):
    """The network as a module of its own, which recording may change."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, img):
        return self.network(img)


def _tensors(outputs):
    for output in outputs:
        if isinstance(output, torch.Tensor):
            yield output
        else:
            yield from _tensors(output)


def _autocast_type():
    return torch.get_autocast_gpu_dtype() if torch.is_autocast_enabled() else None
