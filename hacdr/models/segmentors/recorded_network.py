"""Forward and backward of a network as CUDA graphs.

A step of HACDR starts thousands of short kernels, and the host that starts them one by
one is slower than the GPU. A CUDA graph is recorded once and started as a whole.
"""

import torch
import torch.nn as nn
from torch.nn.modules.batchnorm import _BatchNorm


class RecordedNetwork:
    """A network that replays its first forward and backward on batches of their shape.

    Batches of another shape, and the network in evaluation mode, run as ever. Weights
    may change between two calls, in their place. What is returned lives until the next
    call.

    Args:
        network (nn.Module): tensor to tuple of tensors. It may not wait for the GPU,
            nor decide anything by values of tensors.

    Raises:
        RuntimeError: the network cannot be recorded, or gradients are added to those
            of an earlier call, which are in the same memory.
    """

    def __init__(self, network):
        self._network = network
        self._key = None
        self._recorded = None

    def __reduce__(self):
        # Copies record anew.
        return RecordedNetwork, (self._network,)

    def __call__(self, img):
        key = img.shape, img.dtype, img.device, _autocast_type()
        if self._recorded is None:
            self._record(img)
            self._key = key
        if key != self._key:
            return self._network(img)
        outputs = self._recorded(img)
        for output in outputs:
            if output.requires_grad:
                output.register_hook(self._refuse_to_accumulate)
        return outputs

    def _record(self, img):
        if any(
            isinstance(module, nn.SyncBatchNorm) and module.training
            for module in self._network.modules()
        ):
            raise RuntimeError(
                'train_cfg.cuda_graph: SyncBN cannot be recorded, expected norm_cfg of '
                "type 'BN'"
            )
        # Recording runs the network a few times before, of which nothing may stay.
        norms = [m for m in self._network.modules() if isinstance(m, _BatchNorm)]
        buffers = [b for m in norms for b in m.buffers()]
        before = [b.clone() for b in buffers]
        function = _Function(self._network)
        try:
            # Casts of weights belong to every step: none may come from a cache.
            with torch.random.fork_rng([img.device]), torch.autocast(
                'cuda',
                dtype=torch.get_autocast_gpu_dtype(),
                enabled=torch.is_autocast_enabled(),
                cache_enabled=False,
            ):
                self._recorded = torch.cuda.make_graphed_callables(
                    function, (img,), allow_unused_input=True
                )
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise RuntimeError(
                f'train_cfg.cuda_graph: the network cannot be recorded: {reason}'
            ) from error
        with torch.no_grad():
            for buffer, value in zip(buffers, before):
                buffer.copy_(value)

    def _refuse_to_accumulate(self, grad):
        for parameter in self._network.parameters():
            if parameter.requires_grad:
                if parameter.grad is not None:
                    raise RuntimeError(
                        'train_cfg.cuda_graph: gradients of several steps cannot be '
                        'added up, expected optimizer.zero_grad() before each backward'
                    )
                return


class _Function(nn.Module):
    """The network as a module of its own, which recording may change."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, img):
        return self.network(img)


def _autocast_type():
    return torch.get_autocast_gpu_dtype() if torch.is_autocast_enabled() else None
