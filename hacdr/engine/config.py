"""Config files: read, checked before any work begins, and built."""

import difflib
import inspect

import torch
from mmcv import Config
from mmcv.runner import HOOKS, RUNNERS
from mmseg.core.evaluation import EvalHook
from mmseg.datasets import DATASETS, PIPELINES
from mmseg.models import build_segmentor
from mmseg.models.builder import MODELS

from hacdr.engine.half_precision import check_half_precision
from hacdr.errors import InputError
from hacdr.shipped import find_config

TOP_LEVEL_KEYS = (
    'auto_resume',
    'checkpoint_config',
    'cudnn_benchmark',
    'custom_hooks',
    'custom_imports',
    'data',
    'data_root',
    'dataset_type',
    'device',
    'dist_params',
    'evaluation',
    'find_unused_parameters',
    'fp16',
    'load_from',
    'log_config',
    'log_level',
    'lr_config',
    'model',
    'momentum_config',
    'mp_start_method',
    'opencv_num_threads',
    'optimizer',
    'optimizer_config',
    'resume_from',
    'runner',
    'seed',
    'test_cfg',
    'train_cfg',
    'work_dir',
    'workflow',
)
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
DATA_KEYS = (
    *LOADER_KEYS,
    'train',
    'val',
    'test',
    'train_dataloader',
    'val_dataloader',
    'test_dataloader',
)


def load_config(path, options=None):
    """Read a config file and apply ``--cfg-options``.

    Args:
        path (str): config file, or the name of one that comes with the package.
        options (dict, optional): dotted key -> value. An item of a list is named by
            its place, as mmcv has it, or by its type:
            ``data.train.pipeline.LoadPhotograph.cache_dir``.

    Returns:
        mmcv.Config: the config.

    Raises:
        InputError: no such file, a file that is not a config, an option whose first
            key does not exist, or a type that not exactly one item of a list has.
    """
    path = find_config(path)
    try:
        cfg = Config.fromfile(path)
    except Exception as error:
        raise InputError(f'{path}: {type(error).__name__}: {error}') from error
    apply_options(cfg, options)
    return cfg


def apply_options(cfg, options):
    """Apply ``--cfg-options`` to a config.

    Args:
        cfg (mmcv.Config): the config, changed.
        options (dict | None): see :func:`load_config`.

    Raises:
        InputError: see :func:`load_config`.
    """
    changes = {}
    for option, value in (options or {}).items():
        key = option.split('.')[0]
        _check_key(key, [*cfg.keys(), *TOP_LEVEL_KEYS], f'--cfg-options {option}')
        changes[_find_items(cfg, option)] = value
    try:
        cfg.merge_from_dict(changes)
    except (AttributeError, KeyError, TypeError, AssertionError, IndexError) as error:
        raise InputError(f'--cfg-options: {error}') from error


def _find_items(cfg, option):
    """Return a dotted key in which items of lists are named by their places alone."""
    parts, node = [], cfg
    for part in option.split('.'):
        if isinstance(node, list):
            if not part.isdigit():
                types = [
                    item.get('type') if isinstance(item, dict) else None
                    for item in node
                ]
                if types.count(part) != 1:
                    raise InputError(
                        f'--cfg-options {option}: {types.count(part)} items of '
                        f'{".".join(parts)} have the type {part}, expected one; there '
                        f'are {", ".join(filter(None, types))}'
                    )
                part = str(types.index(part))
            node = node[int(part)] if int(part) < len(node) else None
        else:
            node = node.get(part) if hasattr(node, 'get') else None
        parts.append(part)
    return '.'.join(parts)


def check_config(cfg):
    """Check keys, types and class counts of a config.

    Args:
        cfg (mmcv.Config): the config; left unchanged.

    Raises:
        InputError: a misspelt key or type, or numbers of classes that differ; names
            the place as in ``model.backbone.embed_dim`` and the nearest valid name.
            See :func:`hacdr.engine.half_precision.check_half_precision` too.
    """
    for key in cfg:
        nearest = difflib.get_close_matches(key, TOP_LEVEL_KEYS, 1, 0.85)
        # A config may define variables of its own, so only near misses are errors.
        if key not in TOP_LEVEL_KEYS and nearest and nearest[0] not in cfg:
            raise InputError(f'{key}: unknown config key; did you mean {nearest[0]}?')
    for key in ('model', 'data', 'optimizer', 'runner'):
        if key not in cfg:
            raise InputError(f'config has no {key}')
    _check_built(cfg.model, MODELS, 'model')
    _check_keys(cfg.data, DATA_KEYS, 'data')
    for split in ('train', 'val', 'test'):
        if split in cfg.data:
            _check_dataset(cfg.data[split], f'data.{split}')
        loader = f'{split}_dataloader'
        if loader in cfg.data:
            _check_keys(cfg.data[loader], LOADER_KEYS, f'data.{loader}')
    evaluation = [*_argument_names(EvalHook)[0], 'metric']
    _check_keys(cfg.get('evaluation', {}), evaluation, 'evaluation')
    metrics = cfg.get('evaluation', {}).get('metric')
    if metrics is not None and 'val' in cfg.data:
        check_metrics(metrics, cfg.data.val['type'], 'evaluation.metric')
    _check_built(cfg.runner, RUNNERS, 'runner')
    optimizer = getattr(torch.optim, cfg.optimizer.get('type', ''), None)
    if optimizer is not None:
        keys = [*_parameters(optimizer), 'type', 'paramwise_cfg', 'constructor']
        _check_keys(cfg.optimizer, keys, 'optimizer')
    for i, hook in enumerate(cfg.get('custom_hooks') or []):
        hook = {k: v for k, v in hook.items() if k != 'priority'}
        _check_built(hook, HOOKS, f'custom_hooks[{i}]')
    _check_class_counts(cfg)
    check_half_precision(cfg)


def build_network(cfg):
    """Build the segmentor of a config.

    Args:
        cfg (mmcv.Config): a checked config.

    Returns:
        nn.Module: with random weights, on the CPU.

    Raises:
        InputError: a part of the model refuses its arguments.
    """
    try:
        return build_segmentor(
            cfg.model, train_cfg=cfg.get('train_cfg'), test_cfg=cfg.get('test_cfg')
        )
    except ValueError as error:
        raise InputError(f'config: model: {error}') from error


def check_metrics(metrics, dataset, where):
    """Refuse metrics that a dataset does not know.

    Args:
        metrics (str | Sequence[str]): names of metrics.
        dataset (str): type of the dataset; one that does not list its METRICS is
            not checked.
        where (str): where they were given, for the error.

    Raises:
        InputError: an unknown metric.
    """
    known = getattr(DATASETS.get(dataset), 'METRICS', None)
    for metric in _as_list(metrics):
        if known is not None and metric not in known:
            raise InputError(
                f'{where}: unknown metric {metric}, expected some of {", ".join(known)}'
            )


def _check_dataset(dataset, where):
    _check_built(dataset, DATASETS, where)
    if isinstance(dataset.get('dataset'), dict):
        _check_dataset(dataset['dataset'], f'{where}.dataset')
    _check_pipeline(dataset.get('pipeline') or [], f'{where}.pipeline')


def _check_pipeline(steps, where):
    for i, step in enumerate(steps):
        _check_built(step, PIPELINES, f'{where}[{i}]')
        if 'transforms' in step:
            _check_pipeline(step['transforms'], f'{where}[{i}].transforms')


def _check_built(part, registry, where):
    """Check the type and arguments of a part and of the model parts inside it."""
    name = part.get('type')
    if name is None:
        raise InputError(f'{where}.type is missing')
    cls = registry.get(name)
    if cls is None:
        known = difflib.get_close_matches(name, registry.module_dict, 1)
        hint = f'; did you mean {known[0]}?' if known else ''
        raise InputError(f'{where}.type: unknown {name}{hint}')
    parameters = _parameters(cls)
    if parameters is not None:
        _check_keys(part, [*parameters, 'type'], where)
    if registry is MODELS:
        for key, value in part.items():
            if key.endswith('_cfg'):
                continue
            for one in _as_list(value):
                if isinstance(one, dict) and 'type' in one:
                    _check_built(one, registry, f'{where}.{key}')


def _parameters(cls):
    """Return the names of a class's arguments, or None if it takes any."""
    names, closed = _argument_names(cls)
    return names if closed else None


def _argument_names(cls):
    """Return the names of a class's arguments and whether there are no others."""
    names = set()
    for base in inspect.getmro(cls):
        if '__init__' not in vars(base) or base is object:
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        names |= {
            p.name
            for p in parameters
            if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }
        # Arguments that a class passes on are those of the class it inherits from.
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return names - {'self'}, True
    return names - {'self'}, False


def _check_keys(part, allowed, where):
    for key in part:
        _check_key(key, allowed, f'{where}.{key}')


def _check_key(key, allowed, where):
    if key in allowed or key == '_delete_':
        return
    nearest = difflib.get_close_matches(key, allowed, 1)
    hint = f'; did you mean {nearest[0]}?' if nearest else ''
    raise InputError(f'{where}: unknown config key{hint}')


def _check_class_counts(cfg):
    """Compare the classes of data, heads and losses."""
    data = cfg.data.get('train', cfg.data.get('test'))
    while isinstance(data.get('dataset'), dict):
        data = data['dataset']
    classes = getattr(DATASETS.get(data['type']), 'CLASSES', None)
    if classes is None:
        return
    for name in ('decode_head', 'auxiliary_head'):
        where = f'model.{name}'
        for head in _as_list(cfg.model.get(name)):
            count = head.get('num_classes')
            if count is not None and count != len(classes):
                raise InputError(
                    f'{where}.num_classes is {count}, but {data["type"]} has '
                    f'{len(classes)} classes: {", ".join(classes)}'
                )
            _check_lengths(head, classes, where)
            for loss in _as_list(head.get('loss_decode')):
                _check_lengths(loss, classes, f'{where}.loss_decode')


def _check_lengths(part, classes, where):
    """Refuse lists of a head or a loss that have not one value for each class."""
    for key in ('class_weight', 'cls_num_list', 'class_prior'):
        values = part.get(key)
        if isinstance(values, (list, tuple)) and len(values) != len(classes):
            raise InputError(
                f'{where}.{key} has {len(values)} values, expected {len(classes)}, one '
                f'for each of {", ".join(classes)}'
            )


def _as_list(value):
    """Return a list of one or several things, or of none."""
    if value is None:
        return []
    return value if isinstance(value, (list, tuple)) else [value]
