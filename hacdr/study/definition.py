"""What a study file says, checked before any work begins."""

import copy
import os.path as osp
import re
from dataclasses import dataclass

from hacdr.conversion.folds import FOLDS
from hacdr.datasets.classes import classes_of
from hacdr.engine.config import check_config, load_config
from hacdr.engine.config.values import hint
from hacdr.engine.draws import SEEDS
from hacdr.engine.time_budget import CLOCKS
from hacdr.errors import InputError
from hacdr.evaluation import results_name

STUDY_KEYS = (
    'work_dir',
    'entries',
    'seeds',
    'minutes',
    'iterations',
    'evaluations',
    'clock',
    'split',
    'folds',
    'cfg_options',
)
ENTRY_KEYS = ('name', 'config', 'seeds', 'cfg_options')
SPLITS = ('val', 'test')


@dataclass(frozen=True)
class Entry:
    """A line of the table: one config, trained with each seed.

    Attributes:
        name (str): of the line, and of the folder.
        folder (str): for what all its runs share.
        config (mmcv.Config): what is trained and tested, with the study's limit.
        seeds (tuple[int]): one run each.
        split (str): photographs that are tested on, 'val' or 'test'.
        folds (int | None): of a cross-validation, whose folds are tested on then.
    """

    name: str
    folder: str
    config: object
    seeds: tuple
    split: str
    folds: object = None

    @property
    def runs(self):
        """tuple[Run]: one for each seed, or for each fold of each seed."""
        folds = range(1, self.folds + 1) if self.folds else (None,)
        return tuple(Run(self, seed, fold) for seed in self.seeds for fold in folds)

    def results_file(self, seed):
        """Return the file of a seed's results: of its test, or of all folds pooled."""
        run = Run(self, seed)
        if self.folds:
            return osp.join(run.folder, 'results_folds.json')
        return run.results_file

    def comparison_file(self, seed):
        """Return the file of how a seed compares with the study's first entry."""
        return osp.join(Run(self, seed).folder, 'comparison.json')

    @property
    def cost_file(self):
        """str: what ``measure_cost`` found."""
        return osp.join(self.folder, 'cost.json')


@dataclass(frozen=True)
class Run:
    """One training and its test; of a cross-validation, with one fold held out."""

    entry: Entry
    seed: int
    fold: object = None

    @property
    def name(self):
        """str: for people."""
        fold = f', fold {self.fold} of {self.entry.folds}' if self.fold else ''
        return f'{self.entry.name}, seed {self.seed}{fold}'

    @property
    def folder(self):
        """str: for config, results and logs."""
        folder = osp.join(self.entry.folder, f'seed{self.seed}')
        return osp.join(folder, f'fold{self.fold}') if self.fold else folder

    @property
    def config(self):
        """mmcv.Config: the entry's, with the lists of the fold."""
        if not self.fold:
            return self.entry.config
        config = copy.deepcopy(self.entry.config)
        lists = f'splits/fold{self.fold}of{self.entry.folds}'
        _innermost(config.data.train)['split'] = f'{lists}_train.txt'
        config.data.val['split'] = f'{lists}_val.txt'
        return config

    @property
    def training_folder(self):
        """str: the work dir of the training."""
        return osp.join(self.folder, 'training')

    @property
    def config_file(self):
        """str: the config that was trained and tested."""
        return osp.join(self.folder, 'config.py')

    @property
    def results_file(self):
        """str: results of the test, as ``hacdr test`` names them."""
        return osp.join(self.folder, results_name(self.entry.split))


@dataclass(frozen=True)
class Study:
    """A study.

    Attributes:
        work_dir (str): the folder for everything.
        entries (tuple[Entry]): in the order of the file.
        minutes (float | None): time of each training, None without such a limit.
        clock (str | None): what counts its time, None for the wall clock.
        split (str): photographs that are tested on, 'val' or 'test'.
        lesions (tuple[str]): that all entries are scored for.
        folds (int | None): of a cross-validation.
    """

    work_dir: str
    entries: tuple
    minutes: object
    clock: object
    split: str
    lesions: tuple
    folds: object = None

    @property
    def unit(self):
        """str: what trainings are measured in, for people."""
        if self.minutes is None:
            return 'iterations'
        return 'processor minutes' if self.clock == 'processor' else 'minutes'

    @property
    def runs(self):
        """tuple[Run]: first seeds first, so that every entry soon has figures.

        All folds of an entry come together: without one of them it has none.
        """
        most = max(len(entry.seeds) for entry in self.entries)
        return tuple(
            run
            for i in range(most)
            for entry in self.entries
            for run in entry.runs
            if run.seed in entry.seeds[i : i + 1]
        )


def read_study(path):
    """Read and check a study file and all its configs.

    Args:
        path (str): Python file, see docs/studies.md.

    Returns:
        Study: the study.

    Raises:
        InputError: no such file, an unknown or missing key, a value of the wrong kind,
            two entries of one name, or a config that is bad.
    """
    content = load_config(path)
    _check_keys(content, STUDY_KEYS, path)
    minutes, iterations = content.get('minutes'), content.get('iterations')
    if minutes is not None and iterations is not None:
        raise InputError(
            f'{path}: minutes and iterations are both given, expected one of them'
        )
    if minutes is not None and not _is_positive(minutes, (int, float)):
        raise InputError(f'{path}: minutes must be a positive number, got {minutes!r}')
    if iterations is not None and not _is_positive(iterations, int):
        raise InputError(
            f'{path}: iterations must be a positive whole number, got {iterations!r}'
        )
    evaluations = content.get('evaluations')
    if evaluations is not None and not _is_positive(evaluations, int):
        raise InputError(
            f'{path}: evaluations must be a positive whole number, got {evaluations!r}'
        )
    clock = content.get('clock')
    if clock is not None and clock not in CLOCKS:
        raise InputError(f'{path}: clock must be one of {list(CLOCKS)}, got {clock!r}')
    for key in ('evaluations', 'clock'):
        if content.get(key) is not None and minutes is None:
            raise InputError(f'{path}: {key} needs minutes, which is not given')
    split = content.get('split', 'val')
    if split not in SPLITS:
        raise InputError(f"{path}: split must be 'val' or 'test', got {split!r}")
    folds = content.get('folds')
    if folds is not None and (folds not in FOLDS or split != 'val'):
        raise InputError(
            f'{path}: folds must be one of {list(FOLDS)}, with split val, got '
            f'{folds!r} and {split!r}'
        )
    entries = content.get('entries')
    if not isinstance(entries, list) or not entries:
        raise InputError(f'{path}: entries must be a list of at least one dict')
    name = osp.splitext(osp.basename(path))[0]
    work_dir = content.get('work_dir', osp.join('work_dirs', name))
    entries = tuple(
        _read_entry(entry, content, f'{path}: entries[{i}]', work_dir, split)
        for i, entry in enumerate(entries)
    )
    study = Study(
        work_dir=work_dir,
        entries=entries,
        minutes=minutes,
        clock=clock,
        split=split,
        lesions=_read_lesions(entries, path),
        folds=folds,
    )
    names = [entry.name for entry in study.entries]
    for one in names:
        if names.count(one) > 1:
            raise InputError(
                f'{path}: two entries have the name {one}, expected a name for each'
            )
    return study


def require_lists(study):
    """Refuse a study whose data are not there; each of its runs would say it again.

    Args:
        study (Study): from :func:`read_study`.

    Raises:
        InputError: a list of photographs is missing; names it and the run.
    """
    for run in study.runs:
        data = run.config.data
        for part in (data.train, data[run.entry.split]):
            part = _innermost(part)
            if not isinstance(part, dict) or not isinstance(part.get('split'), str):
                continue
            path = osp.join(part.get('data_root') or '', part['split'])
            if not osp.isfile(path):
                raise InputError(
                    f'{run.name}: {path}: not found, expected a list of a converted '
                    'data set (hacdr convert makes it)'
                )


def _read_entry(entry, study, where, work_dir, split):
    if not isinstance(entry, dict):
        raise InputError(f'{where} must be a dict, got {entry!r}')
    _check_keys(entry, ENTRY_KEYS, where)
    path = entry.get('config')
    if not isinstance(path, str):
        raise InputError(f'{where}.config must be a config file, got {path!r}')
    name = entry.get('name', osp.splitext(osp.basename(path))[0])
    if not isinstance(name, str) or not re.fullmatch(r'[\w.+-]+', name):
        raise InputError(
            f'{where}.name must be letters, digits and _.+- (it names a folder), got '
            f'{name!r}'
        )
    seeds = entry.get('seeds', study.get('seeds', [0]))
    if (
        not isinstance(seeds, (list, tuple))
        or not seeds
        or not all(type(seed) is int and 0 <= seed < SEEDS for seed in seeds)
        or len(set(seeds)) < len(seeds)
    ):
        raise InputError(
            f'{where}: seeds must be a list of different whole numbers from 0 to '
            f'{SEEDS - 1}, got {seeds!r}'
        )
    options = {}
    for source in (study, entry):
        given = source.get('cfg_options', {})
        if not isinstance(given, dict):
            raise InputError(f'{where}: cfg_options must be a dict, got {given!r}')
        options.update(given)
    try:
        config = _apply_limit(load_config(path, options), study)
        check_config(config)
    except InputError as error:
        raise InputError(f'{where}: {error}') from error
    if split not in config.data:
        raise InputError(f'{where}: config has no data.{split}')
    folder, folds = osp.join(work_dir, name), study.get('folds')
    if folds and 'split' not in _innermost(config.data.train):
        raise InputError(
            f'{where}: data.train is not one converted data set with a split, which '
            'folds need'
        )
    return Entry(name, folder, config, tuple(seeds), split, folds)


def _read_lesions(entries, path):
    """Return the lesions that all entries are scored for."""
    first, *others = (
        classes_of(entry.config.data[entry.split]).names[1:] for entry in entries
    )
    for i, lesions in enumerate(others, 1):
        if lesions != first:
            raise InputError(
                f'{path}: entries[{i}]: scores of {", ".join(lesions)}, expected '
                f'{", ".join(first)} as in entries[0]'
            )
    return first


def _innermost(dataset):
    """The config of a data set without what is wrapped around it."""
    while isinstance(dataset, dict) and 'dataset' in dataset:
        dataset = dataset['dataset']
    return dataset


def _apply_limit(cfg, study):
    """Return the config with the study's limit and hooks."""
    runner = cfg.get('runner', {}).get('type')
    if runner != 'ResumableIterBasedRunner':
        raise InputError(f'runner.type must be ResumableIterBasedRunner, got {runner}')
    if study.get('iterations') is not None:
        cfg.runner.max_iters = study.iterations
    clock = dict(type='TimeBudgetHook', priority='ABOVE_NORMAL')
    for key in ('minutes', 'evaluations', 'clock'):
        if study.get(key) is not None:
            clock[key] = study[key]
    history = dict(type='EvalHistoryHook', priority='LOW')
    cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), clock, history]
    return cfg


def _is_positive(value, kind):
    return isinstance(value, kind) and not isinstance(value, bool) and value > 0


def _check_keys(part, allowed, where):
    for key in part:
        if key not in allowed:
            expected = hint(key, allowed) or f'; {", ".join(allowed)}'
            raise InputError(f'{where}: unknown key {key}{expected}')
