"""Config files: read, and changed by options."""

from __future__ import annotations

import ast
import copy
import os.path as osp
import re
import sys
from argparse import Namespace
from contextlib import contextmanager

from mmcv import Config, DictAction

from hacdr.errors import InputError, first_line
from hacdr.files import open_file
from hacdr.shipped import find_config

from .values import hint, shorten

# What training and testing read; what else a file defines are variables of its own.
TOP_LEVEL_KEYS = (
    'auto_resume',
    'checkpoint_config',
    'cudnn_benchmark',
    'custom_hooks',
    'custom_imports',
    'data',
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

# What only configs of mmsegmentation 1.x have.
NEWER_KEYS = 'default_scope', 'optim_wrapper', 'train_dataloader'


def choose_work_dir(config: str, cfg: Config, given: str | None = None) -> str:
    """Return the folder that a training or test of a config writes to.

    Args:
        config (str): the config, as the user named it.
        cfg (mmcv.Config): what it holds.
        given (str, optional): ``--work-dir``.

    Returns:
        str: ``given``, or the config's own, or one named after it.
    """
    name = osp.splitext(osp.basename(config))[0]
    return given or cfg.get('work_dir') or osp.join('work_dirs', name)


def parse_options(words: list[str] | None) -> dict | None:
    """Parse the words of ``--cfg-options``.

    Values are read as mmcv does: ``a=1,2`` is a list, ``a=(1,2)`` a tuple, and words
    need no quotes. Lists, tuples and dicts that hold quotes or braces, and those that
    mmcv cannot read, are Python's.

    Args:
        words (list[str], optional): of the form key=value.

    Returns:
        dict | None: for :func:`load_config`.

    Raises:
        InputError: a value that cannot be read: its brackets do not match, say.
    """
    if words is None:
        return None
    pairs = (word.split('=', 1) for word in words)
    return {key: _read_value(key, text) for key, text in pairs}


def _read_value(key, text):
    literal = _read_literal(text)
    # mmcv splits at the commas in them, and drops blanks.
    if literal is not None and any(mark in text for mark in '\'"{'):
        return literal
    parsed, option = Namespace(), '--cfg-options'
    try:
        DictAction([option], 'options')(None, parsed, [f'{key}={text}'], option)
    except (AssertionError, RecursionError) as error:
        if literal is not None:
            return literal
        raise InputError(
            f'{option} {key}: {shorten(text)} cannot be read, expected a value, '
            'several with commas between them, or a list, tuple or dict as in Python'
        ) from error
    return parsed.options[key]


def _read_literal(text):
    """Return a list, tuple or dict in brackets as Python reads it, None for others."""
    if text.strip()[:1] not in ('[', '(', '{'):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, (list, tuple, dict)) else None


def load_config(path: str, options: dict | None = None) -> Config:
    """Read a config file and apply ``--cfg-options``.

    Args:
        path (str): config file, or the name of one that comes with the package.
        options (dict, optional): dotted key -> value. An item of a list is named by
            its place, as mmcv has it, or by its type:
            ``data.train.pipeline.LoadPhotograph.cache_dir``. ``data_root`` moves all
            data sets that lie there.

    Returns:
        mmcv.Config: the config. Where loaders have no workers they are told to keep
        none, which torch insists on.

    Raises:
        InputError: no such file, a file that is not a config, or one of mmsegmentation
            1.x, an option whose first key does not exist or is a variable that nothing
            reads any more, or a type that not exactly one item of a list has.
    """
    path = find_config(path)
    cfg = _read(path)
    apply_options(cfg, options)
    _keep_no_workers_of_none(cfg)
    return cfg


def _read(path):
    failure, newer = None, False
    with _ignore_destructors():
        try:
            cfg = Config.fromfile(path)
            # A variable of that name is nobody's business.
            newer = 'data' not in cfg and any(key in cfg for key in NEWER_KEYS)
        except (Exception, SystemExit) as error:
            failure = f'{path}: {type(error).__name__}: {first_line(error)}'
            newer = _imports_mmengine(path)
    if newer:
        failure = f'{path}: a config of mmsegmentation 1.x, expected one of 0.x'
    if failure:
        raise InputError(failure)
    return cfg


def _imports_mmengine(path):
    with open_file(path) as file:
        return bool(re.search(rb'^\s*(from|import) mmengine\b', file.read(), re.M))


@contextmanager
def _ignore_destructors():
    """Silence mmcv's temporary copy of a bad config: it goes before it is closed."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda told: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def apply_options(cfg: Config, options: dict | None) -> None:
    """Apply ``--cfg-options`` to a config.

    Args:
        cfg (mmcv.Config): the config, changed.
        options (dict | None): see :func:`load_config`.

    Raises:
        InputError: see :func:`load_config`.
    """
    # mmcv takes '_delete_' out of what it is given.
    options = copy.deepcopy(options or {})
    if 'data_root' in options:
        _move_data(cfg, options['data_root'])
    for option in options:
        _check_first_key(cfg, option)
    try:
        changes = {_find_items(cfg, key): value for key, value in options.items()}
        cfg.merge_from_dict(changes)
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        AssertionError,
        IndexError,
    ) as error:
        raise InputError(f'--cfg-options: {first_line(error)}') from error


def _check_first_key(cfg, option):
    key = option.split('.')[0]
    if key in TOP_LEVEL_KEYS or option == 'data_root':
        return
    if key in cfg:
        raise InputError(
            f'--cfg-options {option}: {key} is a variable of the config file, and what '
            'it was used for is set by now; set that, by its own key (model..., '
            'data..., ...)'
        )
    raise InputError(
        f'--cfg-options {option}: unknown config key{hint(key, TOP_LEVEL_KEYS)}'
    )


def _move_data(cfg, root):
    """Move all data sets that lie where the config's ``data_root`` says."""
    former = cfg.get('data_root')
    found = _find_dicts(cfg.get('data'), 'data', 'data_root')
    moved = [part for _, part in found if part['data_root'] == former]
    if former is None and len({str(part['data_root']) for _, part in found}) == 1:
        moved = [part for _, part in found]
    if not moved:
        keys = ', '.join(f'{where}.data_root' for where, _ in found)
        raise InputError(
            f'--cfg-options data_root: no data set of the config lies in {former}; '
            f'expected {keys or "a config with data sets"}'
        )
    for part in moved:
        part['data_root'] = root


def _find_dicts(part, where, key):
    """Return all dicts in a part of a config that have a key, and where they are."""
    found = [(where, part)] if isinstance(part, dict) and key in part else []
    items = enumerate(part) if isinstance(part, (list, tuple)) else ()
    for name, inner in part.items() if isinstance(part, dict) else items:
        found += _find_dicts(inner, f'{where}.{name}', key)
    return found


def _find_items(cfg, option):
    """Return a dotted key in which items of lists are named by their places alone."""
    parts, node = [], cfg
    for part in option.split('.'):
        if isinstance(node, list):
            if not part.isdecimal():
                part = _find_item(node, part, option, '.'.join(parts))
            node = node[int(part)] if int(part) < len(node) else None
        else:
            node = node.get(part) if hasattr(node, 'get') else None
        parts.append(part)
    return '.'.join(parts)


def _find_item(items, kind, option, where):
    """Return the place of the one item that has a type."""
    types = [item.get('type') if isinstance(item, dict) else None for item in items]
    if types.count(kind) != 1:
        raise InputError(
            f'--cfg-options {option}: {types.count(kind)} items of {where} have the '
            f'type {kind}, expected one; there are '
            f'{", ".join(str(each) for each in types if each)}'
        )
    return str(types.index(kind))


def _keep_no_workers_of_none(cfg):
    """Take away what needs workers where ``workers_per_gpu=0``."""
    for _, part in _find_dicts(cfg.get('data'), 'data', 'workers_per_gpu'):
        if part['workers_per_gpu'] == 0:
            part['persistent_workers'] = False
            part.pop('prefetch_factor', None)
