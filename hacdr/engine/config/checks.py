"""Configs are checked before any work begins; one line says what is wrong and where."""

from __future__ import annotations

import difflib

from mmcv import Config
from mmcv.runner import HOOKS, RUNNERS, CheckpointHook, EpochBasedRunner
from mmcv.runner.optimizer import OPTIMIZER_BUILDERS, OPTIMIZERS
from mmseg.core.evaluation import EvalHook
from mmseg.datasets import DATASETS, PIPELINES, ConcatDataset
from mmseg.datasets.pipelines import Collect, RandomFlip
from mmseg.models.builder import MODELS

from hacdr.engine.half_precision import check_half_precision
from hacdr.errors import InputError
from hacdr.evaluation import SPLITS

from .fit import (
    check_best,
    check_class_counts,
    check_metrics,
    check_output,
    check_same_classes,
    find_test_cfg,
)
from .keys import argument_names, check_built, check_keys, find_class, parameters
from .reading import TOP_LEVEL_KEYS
from .values import (
    as_list,
    hint,
    is_number,
    is_size,
    require,
    require_number,
    shorten,
)

LOADERS = tuple(f'{split}_dataloader' for split in SPLITS)
LOADER_KEYS = (
    'samples_per_gpu',
    'workers_per_gpu',
    'shuffle',
    'seed',
    'drop_last',
    'pin_memory',
    'persistent_workers',
    'prefetch_factor',
)
# Of the training, which has no default for them.
NEEDED = 'samples_per_gpu', 'workers_per_gpu'
# Of a data set: where one of the first and last is a list, mmseg joins several sets.
JOINED_KEYS = 'img_dir', 'ann_dir', 'split'
# What RandomFlip says of a photograph; Collect wants both unless it is told otherwise.
FLIP_KEYS = 'flip', 'flip_direction'
# What it passes on says how a checkpoint is saved.
CHECKPOINT_KEYS = (
    *argument_names(CheckpointHook)[0],
    'type',
    'filename_tmpl',
    'create_symlink',
    'meta',
)


def check_config(cfg: Config, training: bool = True) -> None:
    """Check keys, types and values of a config, and that its parts fit each other.

    Args:
        cfg (mmcv.Config): the config; left unchanged.
        training (bool): whether it will train; else what only an evaluation during
            training needs may not fit.

    Raises:
        InputError: a misspelt key or type, a value of another kind, or parts that do
            not fit each other: numbers of classes, what the network returns and what is
            scored, iterations and epochs. Names the place, as in
            ``model.backbone.embed_dim``, and the nearest valid name. See
            :func:`hacdr.engine.half_precision.check_half_precision` too.
    """
    _check_top_level(cfg)
    check_built(cfg.model, MODELS, 'model')
    _check_modes(cfg)
    _check_data(cfg.data)
    _check_schedule(cfg)
    _check_hooks(cfg)
    _check_evaluation(cfg)
    check_half_precision(cfg)
    if not training:
        return
    for split in ('train', 'val'):
        if split in cfg.data:
            check_class_counts(cfg.model, cfg.data[split], f'data.{split}')
    check_same_classes(cfg.data)
    evaluation = cfg.get('evaluation', {})
    if evaluation.get('metric') is not None and 'val' in cfg.data:
        where = 'evaluation.metric'
        check_output(cfg, evaluation['metric'], cfg.data.val, where)
        check_best(evaluation, cfg.data.val)


def check_prediction(cfg: Config) -> None:
    """Check what prediction reads of a config: the network and the test pipeline.

    Args:
        cfg (mmcv.Config): the config; left unchanged.

    Raises:
        InputError: as :func:`check_config`; or one of both is missing.
    """
    model = require(dict, cfg.get('model'), 'model')
    check_built(model, MODELS, 'model')
    _check_modes(cfg)
    data = require(dict, cfg.get('data'), 'data')
    test = require(dict, data.get('test'), 'data.test')
    _check_dataset(test, 'data.test')
    if not test.get('pipeline'):
        raise InputError('data.test.pipeline is missing or empty')


def _check_top_level(cfg):
    for key in cfg:
        nearest = difflib.get_close_matches(str(key), TOP_LEVEL_KEYS, 1, 0.85)
        # A config may define variables of its own, so only near misses are errors.
        if key not in TOP_LEVEL_KEYS and nearest and nearest[0] not in cfg:
            raise InputError(f'{key}: unknown config key; did you mean {nearest[0]}?')
    for key in ('model', 'data', 'optimizer', 'runner'):
        if key not in cfg:
            raise InputError(f'config has no {key}')
        require(dict, cfg[key], key)
    for key in ('fp16', 'train_cfg', 'test_cfg'):
        require(dict, cfg.get(key) or {}, key)


def _check_modes(cfg):
    """Check how the segmentor trains, and how it goes over a photograph."""
    segmentor = find_class(cfg.model['type'], MODELS, 'model.type')
    for key in ('train_cfg', 'test_cfg'):
        require(dict, cfg.model.get(key) or {}, f'model.{key}')
        keys = getattr(segmentor, 'SETTINGS', {}).get(key, ())
        for name in cfg.model.get(key) or {}:
            # Heads of others may read keys of their own.
            nearest = difflib.get_close_matches(str(name), keys, 1, 0.8)
            if name not in keys and nearest:
                raise InputError(
                    f'model.{key}.{name}: unknown config key; did you mean '
                    f'{nearest[0]}?'
                )
    settings = find_test_cfg(cfg)
    mode = settings.get('mode', 'whole')
    if mode not in ('whole', 'slide'):
        raise InputError(
            f"model.test_cfg.mode is {shorten(mode)}, expected 'whole' or 'slide'"
        )
    if mode == 'whole':
        return
    for key in ('crop_size', 'stride'):
        if not is_size(settings.get(key)):
            raise InputError(
                f'model.test_cfg.{key} is {shorten(settings.get(key))}, expected '
                "height and width for mode='slide'"
            )
    crop, stride = settings['crop_size'], settings['stride']
    if stride[0] > crop[0] or stride[1] > crop[1]:
        raise InputError(
            f'model.test_cfg.stride {stride} leaves gaps between crops of {crop}'
        )


def _check_data(data):
    check_keys(data, (*LOADER_KEYS, *SPLITS, *LOADERS), 'data')
    _check_loader(data, 'data')
    for split in SPLITS:
        if split in data:
            _check_dataset(data[split], f'data.{split}')
    for loader in LOADERS:
        if loader in data:
            require(dict, data[loader], f'data.{loader}')
            check_keys(data[loader], LOADER_KEYS, f'data.{loader}')
            _check_loader(data[loader], f'data.{loader}')
    for key in NEEDED:
        if key not in {**data, **data.get('train_dataloader', {})}:
            raise InputError(f'data.{key} is missing')


def _check_loader(loader, where):
    for key, least in (('samples_per_gpu', 1), ('workers_per_gpu', 0)):
        if key in loader:
            require_number(loader[key], least, f'{where}.{key}')


def _check_dataset(dataset, where):
    if isinstance(dataset, (list, tuple)) and dataset:
        for i, one in enumerate(dataset):
            _check_dataset(one, f'{where}[{i}]')
        return
    if check_built(dataset, DATASETS, where) is ConcatDataset:
        # It takes what is built; mmseg makes one of a list.
        raise InputError(
            f'{where}.type is ConcatDataset, expected a list of data sets in place of '
            f'it: {where}=[dict(...), dict(...)]'
        )
    _check_joined(dataset, where)
    for key in ('dataset', 'datasets'):
        if key in dataset:
            _check_dataset(dataset[key], f'{where}.{key}')
    if dataset.get('data_root') is not None:
        require(str, dataset['data_root'], f'{where}.data_root')
    classes = dataset.get('classes') or ''
    if not isinstance(classes, str):
        require((list, tuple), classes, f'{where}.classes')
        for name in classes:
            require(str, name, f'{where}.classes')
    require((list, tuple), dataset.get('palette') or [], f'{where}.palette')
    steps = dataset.get('pipeline') or []
    # What comes from a data set within may have been flipped there.
    _check_pipeline(steps, f'{where}.pipeline', flips_known='dataset' in dataset)


def _check_joined(dataset, where):
    """Check what of a data set mmseg joins: as many folders and lists of each kind."""
    keys = [key for key in JOINED_KEYS if dataset.get(key) is not None]
    lists = {
        key: len(dataset[key])
        for key in keys
        if isinstance(dataset[key], (list, tuple))
    }
    if not lists.keys() & {'img_dir', 'split'}:
        return
    if 'img_dir' not in keys:
        raise InputError(f'{where}.img_dir is missing, expected it beside split')
    most = max(lists.values())
    # One folder of photographs goes with several lists, and not the other way round.
    alone = lists.get('img_dir', 1) > 1 and len(lists) < len(keys)
    if alone or {*lists.values()} != {most}:
        counts = ', '.join(f'{lists.get(key, 1)} of {where}.{key}' for key in keys)
        raise InputError(f'{counts}: expected as many of each')


def _check_pipeline(steps, where, flips_known):
    """Check steps; ``flips_known``: they may be told whether to flip."""
    flips = 0
    for i, step in enumerate(require((list, tuple), steps, where)):
        place = f'{where}[{i}]'
        kind = check_built(step, PIPELINES, place)
        flips += kind is RandomFlip
        if flips > 1:
            raise InputError(
                f'{place}: a second RandomFlip repeats what the first one drew, and so '
                'undoes it; expected one; RandomQuarterTurn turns besides'
            )
        # Steps of others may tell it too.
        ours = kind.__module__.startswith(('mmseg.', 'hacdr.'))
        flips_known = flips_known or flips or 'transforms' in step or not ours
        wanted = as_list(step.get('meta_keys', FLIP_KEYS))
        missing = not flips_known and any(key in wanted for key in FLIP_KEYS)
        if kind is Collect and missing:
            raise InputError(
                f'{place}: Collect finds no flip and flip_direction; expected '
                'RandomFlip before it (prob=0 will do), or meta_keys without them'
            )
        if 'transforms' in step:
            _check_pipeline(step['transforms'], f'{place}.transforms', True)


def _check_schedule(cfg):
    """Check the optimizer, and what counts iterations."""
    runner = check_built(cfg.runner, RUNNERS, 'runner')
    if issubclass(runner, EpochBasedRunner) or 'max_epochs' in cfg.runner:
        raise InputError(
            'runner counts epochs; schedule, checkpoints and evaluation count '
            "iterations: expected dict(type='ResumableIterBasedRunner', max_iters=...)"
        )
    require_number(cfg.runner.get('max_iters'), 1, 'runner.max_iters')
    for key in ('lr_config', 'checkpoint_config'):
        if require(dict, cfg.get(key) or {}, key).get('by_epoch'):
            raise InputError(
                f'{key}.by_epoch is True, but the runner counts iterations; expected '
                'False'
            )
    workflow = cfg.get('workflow', [('train', 1)])
    if not (
        isinstance(workflow, (list, tuple))
        and len(workflow) == 1
        and isinstance(workflow[0], (list, tuple))
        and tuple(workflow[0][:1]) == ('train',)
        and len(workflow[0]) == 2
        and is_number(workflow[0][1], 1)
    ):
        # mmcv would mix the losses of a phase of validation into those of training.
        raise InputError(
            f"workflow is {shorten(workflow)}, expected [('train', 1)]; evaluation=... "
            'scores the validation photographs'
        )
    further = ('paramwise_cfg', 'constructor')
    check_built(cfg.optimizer, OPTIMIZERS, 'optimizer', further)
    for key in ('lr', 'weight_decay'):
        value = cfg.optimizer.get(key, 0)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or not 0 <= value < float('inf'):
            raise InputError(
                f'optimizer.{key} is {shorten(value)}, expected a number from 0 on'
            )
    constructor = cfg.optimizer.get('constructor', 'DefaultOptimizerConstructor')
    find_class(constructor, OPTIMIZER_BUILDERS, 'optimizer.constructor')


def _check_hooks(cfg):
    if cfg.get('lr_config') is not None:
        _check_learning_rate(cfg.lr_config)
    parts = {
        key: require(dict, cfg.get(key) or {}, key)
        for key in ('optimizer_config', 'checkpoint_config', 'log_config')
    }
    optimizer_hook = {'type': 'OptimizerHook', **parts['optimizer_config']}
    check_built(optimizer_hook, HOOKS, 'optimizer_config')
    _check_checkpoints(parts['checkpoint_config'])
    log_config = parts['log_config']
    if log_config:
        require_number(log_config.get('interval'), 1, 'log_config.interval')
    _check_hook_list(log_config.get('hooks') or [], 'log_config.hooks')
    _check_hook_list(cfg.get('custom_hooks') or [], 'custom_hooks')


def _check_checkpoints(config):
    check_keys(config, CHECKPOINT_KEYS, 'checkpoint_config')
    keep, interval = config.get('max_keep_ckpts', -1), config.get('interval', -1)
    require_number(keep, -1, 'checkpoint_config.max_keep_ckpts')
    # mmcv counts back in steps of it to those that are too many.
    if not is_number(interval, -1) or (interval == 0 and keep > 0):
        raise InputError(
            f'checkpoint_config.interval is {shorten(interval)}, expected a whole '
            'number of at least 1, or -1 for a checkpoint at the end alone'
        )


def _check_learning_rate(lr_config):
    end = 'LrUpdaterHook'
    require(dict, lr_config, 'lr_config')
    policy = require(str, lr_config.get('policy'), 'lr_config.policy')
    # As mmcv finds it.
    name = policy.title() if policy == policy.lower() else policy
    hook = HOOKS.module_dict.get(name + end)
    if hook is None:
        names = [key[: -len(end)] for key in HOOKS.module_dict if key.endswith(end)]
        raise InputError(f'lr_config.policy: unknown {policy}{hint(name, names)}')
    keys = parameters(hook)
    if keys is not None:
        check_keys(lr_config, [*keys, 'policy'], 'lr_config')


def _check_hook_list(hooks, where):
    for i, hook in enumerate(require((list, tuple), hooks, where)):
        check_built(hook, HOOKS, f'{where}[{i}]', ('priority',))


def _check_evaluation(cfg):
    evaluation = require(dict, cfg.get('evaluation', {}), 'evaluation')
    check_keys(evaluation, [*argument_names(EvalHook)[0], 'metric'], 'evaluation')
    if 'interval' in evaluation:
        require_number(evaluation['interval'], 1, 'evaluation.interval')
    metrics = evaluation.get('metric')
    if metrics is not None and 'val' in cfg.data:
        check_metrics(metrics, cfg.data.val, 'evaluation.metric')
