"""A runner whose trainings can be interrupted and resumed anywhere."""

import os
import os.path as osp
import random
import time

import numpy as np
import torch
from mmcv.runner import (
    RUNNERS,
    CheckpointHook,
    EvalHook,
    IterBasedRunner,
    OptimizerHook,
    get_dist_info,
    get_host_info,
)
from mmcv.runner.checkpoint import CheckpointLoader
from mmcv.utils import Config

from hacdr.engine.half_precision import check_half_precision
from hacdr.engine.weights import load_state_dict_strictly
from hacdr.errors import InputError


@RUNNERS.register_module()
class ResumableIterBasedRunner(IterBasedRunner):
    """mmcv's IterBasedRunner, with these differences.

    * A checkpoint is written to a temporary name and renamed: one that is there is
      whole.
    * Resuming works without a GPU, refuses weights that do not fit, continues with
      the iteration after the last one done, and restores the best score and, in
      training by one process, the random states. The pass over the data that was
      interrupted is not taken up: a new one begins, in a new order.

    * ``extra_state``, a dict for hooks, goes into the checkpoints and comes back.
    * ``iter_began`` is when the current iteration asked for its batch, by ``clock``,
      ``time.monotonic`` unless a hook sets another.
    * Evaluation hooks count iterations, whatever they were told.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra_state = {}
        self.clock = time.monotonic

    def register_hook(self, hook, priority='NORMAL'):
        """Register a hook, arguments as in mmcv's runner."""
        # mmseg 0.30 tells the hook to count epochs unless the runner's type is spelt
        # 'IterBasedRunner'. Here no epoch ever ends: it would never evaluate.
        if isinstance(hook, EvalHook):
            hook.by_epoch = False
        super().register_hook(hook, priority)

    def train(self, data_loader, **kwargs):
        """Do one iteration."""
        self.iter_began = self.clock()
        super().train(data_loader, **kwargs)

    def register_training_hooks(self, *args, **kwargs):
        """Register hooks, arguments as in mmcv's runner.

        Raises:
            InputError: the config asks for half precision and would train in float32.
        """
        # mmseg's own train.py leaves no other trace of its config here than this text.
        text = (self.meta or {}).get('config', '')
        if 'fp16' in text.lower():
            check_half_precision(Config.fromstring(text, '.py'))
        super().register_training_hooks(*args, **kwargs)

    def save_checkpoint(
        self,
        out_dir,
        filename_tmpl='iter_{}.pth',
        meta=None,
        save_optimizer=True,
        create_symlink=True,
    ):
        """Save a checkpoint, arguments as in mmcv's runner; atomic."""
        meta = dict(
            meta or {}, random_states=random_states(), extra_state=self.extra_state
        )
        filename = filename_tmpl.format(self.iter + 1)
        folder, name = osp.split(filename)
        os.makedirs(osp.join(out_dir, folder), exist_ok=True)
        temporary = osp.join(folder, f'.{name}.tmp')
        super().save_checkpoint(out_dir, temporary, meta, save_optimizer, False)
        os.replace(osp.join(out_dir, temporary), osp.join(out_dir, filename))
        if create_symlink:
            link = osp.join(out_dir, '.latest.pth.tmp')
            if osp.lexists(link):
                os.remove(link)
            os.symlink(filename, link)
            os.replace(link, osp.join(out_dir, 'latest.pth'))

    def resume(self, checkpoint, resume_optimizer=True, map_location='cpu'):
        """Resume from a checkpoint file.

        Args:
            checkpoint (str): file name.
            resume_optimizer (bool): restore the optimizer too.
            map_location (str): where the tensors are loaded to first.

        Raises:
            InputError: the file is missing or does not fit model or optimizer.
        """
        path = checkpoint
        if not osp.isfile(path):
            raise InputError(f'{path}: no such checkpoint to resume from')
        checkpoint = CheckpointLoader.load_checkpoint(path, map_location=map_location)
        if 'meta' not in checkpoint or 'iter' not in checkpoint['meta']:
            raise InputError(
                f'{path}: holds weights only, no training to resume; use --load-from'
            )
        load_state_dict_strictly(self.model, checkpoint['state_dict'], path)
        meta = checkpoint['meta']
        self._epoch = meta['epoch']
        # What is stored is the number of the iteration that was done last, from 0.
        self._iter = self._inner_iter = meta['iter'] + 1
        if resume_optimizer and 'optimizer' in checkpoint:
            try:
                self.optimizer.load_state_dict(checkpoint['optimizer'])
            except ValueError as error:
                raise InputError(f'{path}: optimizer does not fit: {error}') from error
        if self.meta is None:
            self.meta = {}
        self.meta.setdefault('hook_msgs', {}).update(meta.get('hook_msgs', {}))
        self.extra_state = meta.get('extra_state', {})
        if meta.get('fp16', {}).get('loss_scaler'):
            # Without a GPU the scaler is off and its state empty.
            self.meta['fp16'] = meta['fp16']
        if get_dist_info()[1] == 1 and 'random_states' in meta:
            restore_random_states(meta['random_states'])
        self.logger.info(
            'resumed from %s at iteration %d on %s', path, self.iter, get_host_info()
        )


def require_resumable(runner, hook):
    """Refuse to run a hook that keeps its state in the checkpoints of this runner.

    Raises:
        InputError: another runner.
    """
    if not isinstance(runner, ResumableIterBasedRunner):
        raise InputError(
            f"{type(hook).__name__} needs runner.type 'ResumableIterBasedRunner', got "
            f'{type(runner).__name__!r}'
        )


def require_before_checkpoints(runner, hook):
    """Refuse a hook whose work checkpoints and evaluations would see too late.

    Raises:
        InputError: its priority puts it before the optimizer, or behind a hook that
            saves or evaluates.
    """
    place = runner.hooks.index(hook)
    for other in runner.hooks[place + 1 :]:
        if isinstance(other, OptimizerHook):
            _refuse_place(hook, 'before', other)
    for other in runner.hooks[:place]:
        if isinstance(other, (CheckpointHook, EvalHook)):
            _refuse_place(hook, 'after', other)


def _refuse_place(hook, where, other):
    raise InputError(
        f'{type(hook).__name__} acts {where} {type(other).__name__}, expected it after '
        "the optimizer and before checkpoints and evaluations: priority='ABOVE_NORMAL'"
    )


def random_states():
    """Return the states of all random generators, as plain types and tensors."""
    name, keys, position, has_gauss, gauss = np.random.get_state()
    states = {
        'python': random.getstate(),
        'numpy': (name, keys.tolist(), position, has_gauss, gauss),
        'torch': torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        states['cuda'] = torch.cuda.get_rng_state_all()
    return states


def restore_random_states(states):
    """Restore what :func:`random_states` returned."""
    version, internal, gauss = states['python']
    random.setstate((version, tuple(internal), gauss))
    name, keys, *rest = states['numpy']
    np.random.set_state((name, np.array(keys, np.uint32), *rest))
    torch.set_rng_state(states['torch'])
    if 'cuda' in states and torch.cuda.device_count() == len(states['cuda']):
        torch.cuda.set_rng_state_all(states['cuda'])
