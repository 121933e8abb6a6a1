"""Trainings by time: what an iteration took, and when to stop."""

import os.path as osp
import time

import torch.distributed
from mmcv.runner import HOOKS, EvalHook, Hook, master_only

from hacdr.engine.agreement import agree
from hacdr.engine.hook_order import require_before_checkpoints, require_resumable
from hacdr.files import write_json

TRAINING_RECORD = 'training.json'
CLOCKS = dict(wall='monotonic', processor='process_time')


@HOOKS.register_module()
class TimeBudgetHook(Hook):
    """Count the time of a training; stop it when a time is used up.

    The time of an iteration goes from the request for its batch to the step of the
    optimizer: loading counts, evaluation and checkpoints do not. It is kept in the
    checkpoints, so resuming goes on counting; work that was lost with a killed
    training does not count.

    With ``minutes``, the number of iterations is what fits in: it is estimated anew
    after each, so that a schedule over iterations (poly, cosine) becomes one over
    time, and the last one is followed by a checkpoint like every last one. With
    ``evaluations``, that many evaluations at equal distances of time take the place of
    those at intervals of iterations; none comes at the end.

    When the training is complete, the work dir gets ``training.json``:
    ``{"iterations": int, "seconds": float}``.

    Needs priority 'ABOVE_NORMAL': after the optimizer, before checkpoints and
    evaluations. A place elsewhere is refused when the training begins.

    Args:
        minutes (float | None): when to stop; None leaves that to the runner.
        evaluations (int | None): how many; None leaves that to the config.
        clock (str): 'wall', or 'processor' for the time that the threads of this
            process (not the loader's workers) had the processor: on a CPU that has
            other work too.

    Raises:
        ValueError: minutes that are not positive, evaluations without minutes, or
            another clock.
    """

    def __init__(self, minutes=None, evaluations=None, clock='wall'):
        if minutes is not None and minutes <= 0:
            raise ValueError(f'minutes must be positive, got {minutes}')
        if evaluations is not None and minutes is None:
            raise ValueError('evaluations at distances of time need minutes')
        if clock not in CLOCKS:
            raise ValueError(f'clock must be one of {list(CLOCKS)}, got {clock!r}')
        self.limit = None if minutes is None else 60 * minutes
        self.evaluations = evaluations
        self.clock = clock

    def before_run(self, runner):
        """Take up the time that the resumed training had used."""
        require_resumable(runner, self)
        require_before_checkpoints(runner, self)
        runner.clock = getattr(time, CLOCKS[self.clock])
        state = runner.extra_state
        # Of a training that had no such hook no iteration was timed.
        timed = runner.iter if 'training_seconds' in state else 0
        state.setdefault('training_seconds', 0.0)
        state.setdefault('timed_iterations', timed)
        if self.limit is not None:
            self._plan(runner, runner.iter)

    def after_train_iter(self, runner):
        """Add the time of this iteration."""
        before = runner.extra_state['training_seconds']
        # Those of rank 0, so that all processes stop at the same iteration.
        took = agree(
            runner.clock() - runner.iter_began,
            lambda shared: torch.distributed.broadcast(shared, 0),
        )
        after = before + took
        runner.extra_state['training_seconds'] = after
        runner.extra_state['timed_iterations'] += 1
        if self.limit is not None:
            self._plan(runner, runner.iter + 1)
        if self.evaluations is not None:
            distance = self.limit / (self.evaluations + 1)
            due = after < self.limit and after // distance > before // distance
            _evaluate_now(runner, due)

    @master_only
    def after_run(self, runner):
        """Record that the training is complete, and what it took."""
        write_json(
            osp.join(runner.work_dir, TRAINING_RECORD),
            dict(
                iterations=runner.iter, seconds=runner.extra_state['training_seconds']
            ),
        )

    def _plan(self, runner, done):
        """Set the runner's number of iterations, with ``done`` of them done."""
        seconds = runner.extra_state['training_seconds']
        timed = runner.extra_state['timed_iterations']
        if seconds >= self.limit:
            runner._max_iters = done
        else:
            # Until one is timed there is at least one to do.
            left = round(timed * (self.limit - seconds) / seconds) if timed else 1
            runner._max_iters = done + max(1, left)


def _evaluate_now(runner, due):
    """Let the evaluation hook, which comes later, act after this iteration or not."""
    for hook in runner.hooks:
        if isinstance(hook, EvalHook):
            # It acts after iterations that are multiples of its interval.
            hook.interval = runner.iter + 1 if due else runner.iter + 2
