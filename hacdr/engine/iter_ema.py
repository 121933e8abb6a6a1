"""Exponential moving average of the weights, by iteration."""

import torch
from mmcv.parallel import is_module_wrapper
from mmcv.runner import HOOKS, Hook

from hacdr.engine.hook_order import require_before_checkpoints, require_resumable


@HOOKS.register_module()
class IterEMAHook(Hook):
    r"""Evaluate and save an exponential moving average of the weights.

    After each iteration t (from 1), for all parameters and for the statistics of batch
    normalisation,

    .. math::
        \bar w_t = d_t \bar w_{t-1} + (1 - d_t) w_t, \quad
        d_t = \min(d, (1 + t) / (10 + t))

    Training goes on with w; evaluations and checkpoints see the average, so that a
    checkpoint is tested like any other. w itself is kept beside it in the checkpoint,
    for resuming. mmcv's EMAHook works by epoch: under an iteration-based runner its
    average is never used, and it adds buffers that make checkpoints fit nothing else.

    Needs priority 'ABOVE_NORMAL': after the optimizer, before checkpoints and
    evaluations, which would see the weights in training. A place elsewhere is refused
    when the training begins.

    Args:
        decay (float): d, at least 0 and less than 1.

    Raises:
        ValueError: another decay.
    """

    def __init__(self, decay=0.999):
        if not 0 <= decay < 1:
            raise ValueError(f'decay must be at least 0 and less than 1, got {decay}')
        self.decay = decay

    def before_run(self, runner):
        """Begin at the model's weights, or where the resumed training was."""
        require_resumable(runner, self)
        require_before_checkpoints(runner, self)
        model = runner.model.module if is_module_wrapper(runner.model) else runner.model
        self.tensors = {
            name: tensor
            for name, tensor in (*model.named_parameters(), *model.named_buffers())
            if tensor.is_floating_point()
        }
        # The model holds the average now, as after every iteration.
        self.others = runner.extra_state.setdefault('trained_weights', {})
        for name, tensor in self.tensors.items():
            other = self.others.get(name, tensor.data)
            self.others[name] = other.to(tensor.data, copy=True)

    def before_train_iter(self, runner):
        """Put the weights in training into the model."""
        self._swap()

    def after_train_iter(self, runner):
        """Move the average, and put it into the model."""
        t = runner.iter + 1
        decay = min(self.decay, (1 + t) / (10 + t))
        averages = [self.others[name] for name in self.tensors]
        trained = [tensor.data for tensor in self.tensors.values()]
        # One by one they would cost a GPU hundreds of launches.
        torch._foreach_mul_(averages, decay)
        torch._foreach_add_(averages, trained, alpha=1 - decay)
        self._swap()

    def _swap(self):
        for name, tensor in self.tensors.items():
            tensor.data, self.others[name] = self.others[name], tensor.data
