"""A runner whose trainings can be interrupted and resumed anywhere."""

import os
import os.path as osp
import re
import time
from itertools import zip_longest

import torch
from mmcv.runner import (
    RUNNERS,
    CheckpointHook,
    EvalHook,
    IterBasedRunner,
    LoggerHook,
    get_dist_info,
    get_host_info,
)
from mmcv.utils import Config
from mmseg.core.utils import sync_random_seed
from mmseg.utils import get_device

import hacdr
from hacdr.engine.checkpoint_files import name_latest, write_checked
from hacdr.engine.divergence import DivergenceHook
from hacdr.engine.draws import is_numberable, seed_network
from hacdr.engine.half_precision import check_half_precision
from hacdr.engine.loading import TrainingLoader, WatchedLoader
from hacdr.engine.starting_weights import load_start
from hacdr.engine.stopping import StopHook, shield_workers
from hacdr.engine.weights import load_state_dict_strictly, read_checkpoint
from hacdr.errors import InputError


@RUNNERS.register_module()
class ResumableIterBasedRunner(IterBasedRunner):
    """mmcv's IterBasedRunner, with these differences.

    * Checkpoints are whole or not there: written to a temporary name, read back and
      renamed, before former ones, and the best one before, are deleted.
    * No code in a checkpoint that is read runs (:mod:`hacdr.engine.safe_loading`).
    * SIGTERM and SIGUSR1 save a checkpoint and exit with 75.
    * A loss that is no finite number ends the training
      (:mod:`hacdr.engine.divergence`).
    * All random draws follow from the seed and the iteration
      (:mod:`hacdr.engine.draws`), whatever the workers; passes over the data follow
      each other without mmcv's pause.
    * A loader's worker that dies is replaced, and two minutes without a batch are told
      (:mod:`hacdr.engine.loading`).
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
            _keep_best_until_replaced(hook)
        if isinstance(hook, CheckpointHook):
            # After the evaluation of the same iteration, which is of 'LOW' priority: a
            # training killed between the two would resume without it.
            priority = 'VERY_LOW'
        super().register_hook(hook, priority)

    def run(self, data_loaders, workflow, max_iters=None, **kwargs):
        """Train, arguments as in mmcv's runner.

        A SIGTERM or SIGUSR1 saves a checkpoint and exits
        (:class:`hacdr.engine.stopping.StopHook`).

        Raises:
            InputError: the training set is empty, or the training diverges.
        """
        self._settle_seed()
        evaluations = [hook for hook in self.hooks if isinstance(hook, EvalHook)]
        for loader in (*data_loaders, *(hook.dataloader for hook in evaluations)):
            shield_workers(loader)
        data_loaders = [
            self._number_samples(loader) if mode == 'train' else loader
            for loader, (mode, _) in zip_longest(data_loaders, workflow)
        ]
        for hook in evaluations:
            hook.dataloader = WatchedLoader(hook.dataloader, self.logger.warning)
        stop = StopHook()
        self.register_hook(stop, 'LOWEST')
        self.register_hook(DivergenceHook(), 'VERY_HIGH')
        with stop.catch_signals():
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
        loader = TrainingLoader(
            loader,
            self.meta['seed'],
            self.iter,
            *get_dist_info(),
            self.logger.warning,
        )
        self.sampler = loader.sampler
        return loader

    def train(self, data_loader, **kwargs):
        """Do one iteration."""
        self.iter_began = self.clock()
        seed_network(self.meta['seed'], self.iter, get_dist_info()[0])
        super().train(data_loader, **kwargs)
        if not any(isinstance(hook, LoggerHook) for hook in self.hooks):
            # Or scores of an evaluation would stand there for ever.
            self.log_buffer.clear()

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
        """Save a checkpoint, arguments as in mmcv's runner; whole or not at all.

        Raises:
            InputError: the disk refuses; what was there is as it was.
        """
        meta = dict(meta or {}, extra_state=self.extra_state)
        filename = filename_tmpl.format(self.iter + 1)
        path = osp.join(out_dir, filename)
        with write_checked(path) as temporary:
            name = osp.join(osp.dirname(filename), osp.basename(temporary))
            super().save_checkpoint(out_dir, name, meta, save_optimizer, False)
        if create_symlink:
            name_latest(path, osp.join(out_dir, 'latest.pth'))

    def load_checkpoint(self, filename, map_location='cpu', strict=False, **kwargs):
        """Start from the weights of a checkpoint; runs no code in the file.

        Args:
            filename (str): file, .safetensors too, or an address that mmcv knows.
            map_location, **kwargs: as mmcv's, not used.
            strict (bool): whether all weights must be there.

        Returns:
            dict: the checkpoint.

        Raises:
            InputError: the file is missing, damaged, holds more than tensors and plain
                values, or is of another network
                (:mod:`hacdr.engine.starting_weights`).
        """
        if not strict:
            return load_start(self.model, filename, self.logger)
        checkpoint = read_checkpoint(filename)
        state_dict = checkpoint.get('state_dict', checkpoint)
        load_state_dict_strictly(self.model, state_dict, filename)
        return checkpoint

    def resume(self, path, resume_optimizer=True):
        """Resume from a checkpoint file; runs no code that it may hold.

        Args:
            path (str): file name.
            resume_optimizer (bool): restore the optimizer too.

        Raises:
            InputError: the file is missing, damaged, holds more than tensors and plain
                values, or does not fit model, optimizer or hooks: of a training that
                averaged its weights, and no IterEMAHook is registered.
        """
        checkpoint = read_checkpoint(path)
        # Published weights keep the number of the iteration.
        if not {'epoch', 'iter'} <= set(checkpoint.get('meta') or ()):
            raise InputError(
                f'{path}: holds weights only, no training to resume; use --load-from'
            )
        meta = checkpoint['meta']
        self._require_averaging(meta.get('extra_state') or {}, path)
        load_state_dict_strictly(self.model, checkpoint['state_dict'], path)
        self._epoch = meta['epoch']
        # What is stored is the number of the iteration that was done last, from 0.
        self._iter = self._inner_iter = meta['iter'] + 1
        if resume_optimizer and 'optimizer' in checkpoint:
            try:
                self.optimizer.load_state_dict(checkpoint['optimizer'])
            except ValueError as error:
                version = _read_version(meta)
                raise InputError(
                    f'{path}: optimizer does not fit: {error}; the checkpoint is of '
                    'another optimizer, config or version of hacdr '
                    f'({version or "not stored"}, here {hacdr.__version__}); expected '
                    'the same, or --load-from to take its weights alone'
                ) from error
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

    def _require_averaging(self, state, path):
        """Refuse to go on from averaged weights as if they were those in training."""
        # It imports this module.
        from hacdr.engine.iter_ema import IterEMAHook

        averaging = any(isinstance(hook, IterEMAHook) for hook in self.hooks)
        if 'trained_weights' in state and not averaging:
            raise InputError(
                f'{path}: of a training that averages its weights; expected '
                'IterEMAHook in custom_hooks as there, or --load-from to start from '
                'the averages'
            )


def _read_version(meta):
    """Return the version of hacdr that wrote a checkpoint, None if it is not stored."""
    # As hacdr.apis.train writes it.
    found = re.search(r'^hacdr: (\S+)', str(meta.get('env_info')), re.M)
    return found and found[1]


def _keep_best_until_replaced(hook):
    """Let an evaluation hook delete the best checkpoint once the next is written.

    mmcv's deletes it first, and that of the training too that this one went on from in
    a folder of its own.
    """
    save = hook._save_ckpt

    def save_then_delete(runner, score):
        former, hook.best_ckpt_path = hook.best_ckpt_path, None
        save(runner, score)
        best = hook.best_ckpt_path
        if best is None:
            hook.best_ckpt_path = former
        elif former not in (None, best) and osp.isfile(former):
            _remove_beside(best, former)

    hook._save_ckpt = save_then_delete


def _remove_beside(best, former):
    """Remove a file that lies in the folder of another one."""
    folder, other = (osp.dirname(osp.realpath(path)) for path in (best, former))
    if folder == other:
        os.remove(former)
