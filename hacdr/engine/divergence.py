"""Trainings that diverge end where they do."""

import math

from mmcv.runner import Fp16OptimizerHook, Hook

from hacdr.errors import InputError


class DivergenceHook(Hook):
    """Ends a training whose loss is no finite number.

    Every later step would be lost, and the weights predict no lesion at all. It acts
    before the optimizer and before checkpoints are written. mmcv's half precision
    passes over such steps itself, and is left alone.

    Raises:
        InputError: names iteration and loss.
    """

    def before_run(self, runner):
        """Look whether steps that overflow are passed over."""
        self.is_off = any(isinstance(hook, Fp16OptimizerHook) for hook in runner.hooks)

    def after_train_iter(self, runner):
        """Look at the loss, the mean over all processes."""
        loss = runner.outputs.get('log_vars', {}).get('loss', 0)
        if not (self.is_off or math.isfinite(loss)):
            raise InputError(
                f'iteration {runner.iter + 1}: the loss is {loss}: the training '
                'diverged; expected a lower optimizer.lr, or optimizer_config.grad_clip'
            )
