"""mmseg's training; what can be refused is refused before anything is written."""

from __future__ import annotations

import os.path as osp
import time
from argparse import Namespace
from contextlib import nullcontext

import mmseg
import torch
from mmcv.cnn.utils import revert_sync_batchnorm
from mmcv.runner import get_dist_info
from mmcv.utils import collect_env
from mmseg.apis import init_random_seed, set_random_seed, train_segmentor
from mmseg.utils import get_device

import hacdr
from hacdr.announcements import silence_processes
from hacdr.engine.checkpoint_files import find_newest
from hacdr.engine.config import (
    build_data,
    build_network,
    check_config,
    choose_work_dir,
    load_config,
    parse_options,
)
from hacdr.engine.draws import SEEDS
from hacdr.engine.processes import join_processes, set_up_workers
from hacdr.engine.starting_weights import check_pretrained
from hacdr.engine.terminal import open_log, open_terminal, training_bar
from hacdr.errors import InputError
from hacdr.files import lock_folder, make_folder, require_checkpoint, write_text
from hacdr.inference.published import find_start


def train(args: Namespace) -> None:
    """Do what ``hacdr train`` is told to.

    Args:
        args (Namespace): all that the command parses.

    Raises:
        InputError: arguments, config or data are bad or do not fit.
    """
    if args.seed is not None:
        _check_seed(args.seed, '--seed')
    _check_device(args)
    cfg = load_config(args.config, parse_options(args.cfg_options))
    check_config(cfg)
    if cfg.get('seed') is not None:
        _check_seed(cfg.seed, 'seed')
    cfg.work_dir = choose_work_dir(args.config, cfg, args.work_dir)
    cfg.load_from = args.load_from or cfg.get('load_from')
    if cfg.load_from:
        cfg.load_from = find_start(cfg.load_from)
    cfg.resume_from = args.resume_from or cfg.get('resume_from')
    _fill_in(cfg)
    torch.backends.cudnn.benchmark = cfg.get('cudnn_benchmark', False)

    distributed = join_processes(
        args.launcher, cfg.get('dist_params'), args.gpu_id, args.local_rank
    )
    cfg.gpu_ids = range(get_dist_info()[1]) if distributed else [args.gpu_id]
    cfg.device = get_device()
    if get_dist_info()[1] > 1 and (cfg.model.get('train_cfg') or {}).get('cuda_graph'):
        raise InputError(
            'model.train_cfg.cuda_graph is True, expected False where several '
            'processes train together'
        )
    logger = open_terminal(cfg.log_level, args.verbose)
    # All that can be refused is refused before anything is written.
    dataset = _build_training_set(cfg, not args.no_validate)
    for path in (cfg.resume_from, cfg.load_from):
        if path:
            require_checkpoint(path)

    make_folder(cfg.work_dir)
    with lock_folder(cfg.work_dir) if get_dist_info()[0] == 0 else nullcontext():
        _train(cfg, args, dataset, distributed, logger)


def _train(cfg, args, dataset, distributed, logger):
    """Train in the folder ``cfg.work_dir``."""
    # Once: formatting takes a second.
    text = cfg.pretty_text
    if get_dist_info()[0] == 0:
        name = osp.splitext(osp.basename(args.config))[0]
        write_text(osp.join(cfg.work_dir, f'{name}.py'), text)
    timestamp = time.strftime('%Y%m%d_%H%M%S', time.localtime())
    log = osp.join(cfg.work_dir, f'{timestamp}.log')
    if get_dist_info()[0] == 0:
        open_log(log)
    set_up_workers(cfg, logger.warning)
    # mmseg's own adds the git commit of whatever folder this is.
    with silence_processes():
        found = collect_env()
    versions = {
        **found,
        'MMSegmentation': mmseg.__version__,
        'hacdr': hacdr.__version__,
    }
    environment = '\n'.join(f'{k}: {v}' for k, v in versions.items())
    logger.info('Environment:\n%s', environment)
    logger.info('Config:\n%s', text)

    if (args.auto_resume or cfg.get('auto_resume')) and not cfg.resume_from:
        cfg.resume_from = find_newest(cfg.work_dir, logger.warning)
    # mmseg's own search takes a damaged one too.
    cfg.auto_resume = False

    seed = cfg.get('seed') if args.seed is None else args.seed
    cfg.seed = init_random_seed(seed, device=cfg.device)
    set_random_seed(cfg.seed, deterministic=args.deterministic)
    # Our runner goes on with the seed of the checkpoint, and says it.
    is_resumed = cfg.resume_from and cfg.runner.type == 'ResumableIterBasedRunner'
    logger.info(
        'training on %s%s%s; the log: %s',
        cfg.device,
        '' if is_resumed else f', seed {cfg.seed}',
        ', deterministic' if args.deterministic else '',
        log,
    )

    model = build_network(cfg)
    check_pretrained(model)
    model.init_weights()
    if not distributed:
        model = revert_sync_batchnorm(model)
    model.CLASSES = dataset.CLASSES

    meta = dict(
        mmseg_version=mmseg.__version__,
        config=text,
        CLASSES=dataset.CLASSES,
        PALETTE=dataset.PALETTE,
    )
    if cfg.get('checkpoint_config') is not None:
        cfg.checkpoint_config.meta = meta
    with training_bar() as hook:
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
        train_segmentor(
            model,
            [dataset],
            cfg,
            distributed=distributed,
            validate=not args.no_validate,
            timestamp=timestamp,
            meta=dict(
                meta,
                env_info=environment,
                seed=cfg.seed,
                exp_name=osp.basename(cfg.filename),
            ),
        )
    logger.info('trained: the checkpoints are in %s', cfg.work_dir)


def _check_seed(seed, where):
    if type(seed) is not int or not 0 <= seed < SEEDS:
        raise InputError(f'{where} {seed}: expected 0 to {SEEDS - 1}')


def _check_device(args):
    """Refuse ``--gpus`` and ``--device`` that are not what torch will take."""
    if args.gpus != 1:
        raise InputError(
            f'--gpus {args.gpus}: expected 1, as a process trains on one GPU; '
            'tools/dist_train.sh starts one for each, --device cpu takes none'
        )
    if args.device and args.launcher != 'none':
        raise InputError(
            f'--device {args.device}: expected no --launcher beside it, whose '
            'processes take the GPUs that CUDA_VISIBLE_DEVICES shows'
        )
    if args.device and (args.device == 'cuda') != torch.cuda.is_available():
        finds = 'finds no GPU; see hacdr check-env'
        if args.device == 'cpu':
            # hacdr_cli hides it, but where torch was loaded before.
            finds = 'would take the GPU; expected CUDA_VISIBLE_DEVICES=-1'
        raise InputError(f'--device {args.device}: torch {finds}')


def _fill_in(cfg):
    """Set what mmseg's training reads and a config may leave out."""
    for key, default in (
        ('log_level', 'INFO'),
        ('workflow', [('train', 1)]),
        ('optimizer_config', {}),
        ('lr_config', None),
        ('checkpoint_config', None),
        ('log_config', None),
    ):
        cfg.setdefault(key, default)
    # Of an option they come as lists.
    cfg.workflow = [tuple(phase) for phase in cfg.workflow]


def _build_training_set(cfg, validate):
    dataset = build_data(cfg.data.train, 'data.train')
    loader = {**cfg.data, **cfg.data.get('train_dataloader', {})}
    batch, processes = loader.get('samples_per_gpu', 1), get_dist_info()[1]
    if batch * processes > len(dataset):
        raise InputError(
            f'data.samples_per_gpu: {processes} x {batch} samples an iteration, '
            f'expected no more than the {len(dataset)} of data.train'
        )
    if validate:
        if 'val' not in cfg.data:
            raise InputError('config has no data.val; expected it, or --no-validate')
        # mmseg builds it only when it has begun to write.
        build_data(cfg.data.val, 'data.val', test_mode=True)
    return dataset
