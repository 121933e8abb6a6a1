"""What a training does when it is asked to end: it saves first."""

import os
import os.path as osp
import signal
import threading
from contextlib import contextmanager
from functools import partial

import torch.distributed
from mmcv.runner import CheckpointHook, Hook, get_dist_info, master_only

from hacdr.engine.agreement import agree

# Of a shell's or a scheduler's script: start it again with --auto-resume.
EXIT_SAVED = 75
# Windows has no SIGUSR1.
SIGNALS = [
    getattr(signal, name) for name in ('SIGTERM', 'SIGUSR1') if hasattr(signal, name)
]


class StopHook(Hook):
    """Save a checkpoint and exit with 75 after a SIGTERM or SIGUSR1.

    It acts after the iteration, and the evaluation that may belong to it, in which the
    signal came. All processes of a training act after the same iteration, whichever got
    the signal. Needs priority 'LOWEST': after all that checkpoints must hold.

    Where ``max_keep_ckpts`` limits the checkpoints, the one that a signal left between
    two that were due goes when the resumed training has written its next.
    """

    def __init__(self):
        self.signal = 0
        self.between = None

    @master_only
    def before_run(self, runner):
        """Find the checkpoint that a signal left, in a training that it resumed."""
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook) and hook.max_keep_ckpts > 0:
                name = hook.args.get('filename_tmpl', 'iter_{}.pth').format(runner.iter)
                path = osp.join(hook.out_dir, name)
                due = hook.interval < 1 or runner.iter % hook.interval == 0
                if not due and osp.isfile(path):
                    self.between = path

    @contextmanager
    def catch_signals(self):
        """Note signals that come until the block ends, where Python lets us."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        former = {number: signal.signal(number, self._note) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)

    def _note(self, number, frame):
        self.signal = number

    def after_train_iter(self, runner):
        """Save and exit if a signal came."""
        self._drop_between(runner)
        number = agree(
            self.signal,
            lambda shared: torch.distributed.all_reduce(
                shared, torch.distributed.ReduceOp.MAX
            ),
        )
        if not number:
            return
        hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
        for hook in hooks:
            if not hook.every_n_iters(runner, hook.interval):
                hook._save_checkpoint(runner)
        if not hooks and get_dist_info()[0] == 0:
            runner.save_checkpoint(runner.work_dir)
        if get_dist_info()[1] > 1:
            # The first process writes. torchrun and srun end it when another is gone.
            torch.distributed.barrier()
        runner.logger.info(
            '%s: saved after iteration %d; --auto-resume goes on from there',
            signal.Signals(number).name,
            runner.iter + 1,
        )
        raise SystemExit(EXIT_SAVED)

    def _drop_between(self, runner):
        if self.between and any(
            isinstance(hook, CheckpointHook)
            and hook.every_n_iters(runner, hook.interval)
            for hook in runner.hooks
        ):
            os.remove(self.between)
            self.between = None


def shield_workers(loader):
    """Keep from the workers of a DataLoader the signals that the training acts on.

    A SIGTERM to the process group no longer reaches them, a SIGUSR1 does nothing there:
    a worker that dies would end the training before it could save.
    """
    loader.worker_init_fn = partial(_begin_worker, loader.worker_init_fn)


def _begin_worker(init, worker):
    if hasattr(signal, 'SIGUSR1'):
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        os.setpgrp()
    if init is not None:
        init(worker)
