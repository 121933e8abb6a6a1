"""A runner whose trainings can be interrupted and resumed anywhere."""

import os
import os.path as osp
import time
from itertools import zip_longest

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
from mmseg.core.utils import sync_random_seed
from mmseg.utils import get_device

from hacdr.engine.draws import is_numberable, number_samples, seed_network
from hacdr.engine.half_precision import check_half_precision
from hacdr.engine.weights import load_state_dict_strictly
from hacdr.errors import InputError


@RUNNERS.register_module()
class ResumableIterBasedRunner(IterBasedRunner):
    """mmcv's IterBasedRunner, with these differences.

    * A checkpoint is written to a temporary name and renamed: one that is there is
      whole.
    * All random draws follow from the seed and the iteration
      (:mod:`hacdr.engine.draws`), whatever the workers; passes over the data follow
      each other without mmcv's pause.
    * Resuming works without a GPU, refuses weights that do not fit, restores seed and
      best score, and continues with the iteration after the last one done, so that the
      training ends as if it had never stopped.
    * Checkpoints are written after the evaluation of the same iteration: none is
      forgotten where a training is killed between the two.
    * ``extra_state``, a dict for hooks, goes into the checkpoints and comes back.
    * ``iter_began`` is when the current iteration asked for its batch, by ``clock``,
      ``time.monotonic`` unless a hook sets another.
    * Evaluation hooks count iterations, whatever they were told.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra_state = {}
        self.clock = time.monotonic
        self.resumed_seed = None
        self.sampler = None

    @property
    def epoch(self):
        """Return how many passes over the training data are complete."""
        sampler = self.sampler
        if sampler is None:
            return self._epoch
        return self.iter * sampler.batch * sampler.ranks // sampler.length

    def register_hook(self, hook, priority='NORMAL'):
        """Register a hook, arguments as in mmcv's runner."""
        # mmseg 0.30 tells the hook to count epochs unless the runner's type is spelt
        # 'IterBasedRunner'. Here no epoch ever ends: it would never evaluate.
        if isinstance(hook, EvalHook):
            hook.by_epoch = False
        if isinstance(hook, CheckpointHook):
            # After the evaluation of the same iteration, which is of 'LOW' priority: a
            # training killed between the two would resume without it.
            priority = 'VERY_LOW'
        super().register_hook(hook, priority)

    def run(self, data_loaders, workflow, max_iters=None, **kwargs):
        """Train, arguments as in mmcv's runner.

        Raises:
            InputError: the training set is empty.
        """
        self._settle_seed()
        data_loaders = [
            self._number_samples(loader) if mode == 'train' else loader
            for loader, (mode, _) in zip_longest(data_loaders, workflow)
        ]
        super().run(data_loaders, workflow, max_iters, **kwargs)

    def _settle_seed(self):
        """Choose the seed of a new training: that of rank 0, for all processes."""
        self.meta = self.meta or {}
        if self.resumed_seed is not None:
            self.meta['seed'] = self.resumed_seed
            return
        seed = self.meta.get('seed')
        if seed is None:
            seed = torch.initial_seed() % 2**31
        self.meta['seed'] = sync_random_seed(seed, get_device())

    def _number_samples(self, loader):
        if not is_numberable(loader):
            self.logger.warning(
                'the training data come in an order of their own (%s): a training that '
                'is resumed begins a new pass over them',
                type(loader.sampler).__name__,
            )
            return loader
        loader = number_samples(loader, self.meta['seed'], self.iter, *get_dist_info())
        self.sampler = loader.sampler
        return loader

    def train(self, data_loader, **kwargs):
        """Do one iteration."""
        self.iter_began = self.clock()
        seed_network(self.meta['seed'], self.iter, get_dist_info()[0])
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
        meta = dict(meta or {}, extra_state=self.extra_state)
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
        self.resumed_seed = meta.get('seed')
        self.logger.info(
            'resumed from %s at iteration %d with seed %s on %s',
            path,
            self.iter,
            self.resumed_seed,
            get_host_info(),
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
