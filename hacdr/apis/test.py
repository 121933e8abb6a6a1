"""mmseg's test; what can be refused is refused before anything is written."""

from __future__ import annotations

import copy
import os
import os.path as osp
import sys
from argparse import Namespace

import cv2
import mmcv
from mmcv.cnn.utils import revert_sync_batchnorm
from mmcv.runner import get_dist_info
from mmseg.apis import multi_gpu_test, single_gpu_test
from mmseg.datasets import DATASETS, PIPELINES, build_dataloader
from mmseg.datasets.pipelines import Resize
from mmseg.utils import build_dp, get_device

from hacdr.datasets import LesionDataset
from hacdr.datasets.classes import unwrap_dataset
from hacdr.engine.config import (
    build_data,
    check_class_counts,
    check_config,
    check_metrics,
    check_output,
    choose_work_dir,
    load_config,
    parse_options,
)
from hacdr.engine.config.checks import LOADERS
from hacdr.engine.loading import WatchedLoader
from hacdr.engine.processes import distribute, join_processes, set_up_workers
from hacdr.engine.terminal import open_terminal, test_bar
from hacdr.errors import InputError
from hacdr.evaluation import SPLITS, results_name, write_results
from hacdr.files import file_sha256, make_folder
from hacdr.inference.model import load_network
from hacdr.inference.published import find_start
from hacdr.inference.thresholds import read_thresholds


def test(args: Namespace) -> None:
    """Do what ``hacdr test`` is told to: print a table, write results.json.

    Args:
        args (Namespace): all that the command parses.

    Raises:
        InputError: arguments, config, checkpoint or data are bad or do not fit.
    """
    _check_arguments(args)
    cfg = load_config(args.config, parse_options(args.cfg_options))
    check_config(cfg, training=False)
    data = dataset_to_test(cfg, args.split)
    check_class_counts(cfg.model, data, f'data.{args.split}')
    if args.eval:
        require_lesion_dataset(data.type)
        check_metrics(args.eval, data, '--eval')
        check_output(cfg, args.eval, data, '--eval')
    for folder in (args.show_dir, args.save_probabilities):
        if folder:
            keep_out_of_data(folder, data)
    if args.aug_test:
        enable_tta(data)
    if args.show or args.show_dir:
        check_shown(data)
    if args.save_probabilities:
        data.save_probabilities = args.save_probabilities
    distributed = join_processes(
        args.launcher, cfg.get('dist_params'), args.gpu_id, args.local_rank
    )
    cfg.device = get_device()
    logger = open_terminal(cfg.get('log_level', 'INFO'), args.verbose)
    set_up_workers(cfg, logger.warning)

    dataset = build_data(data, f'data.{args.split}')
    checkpoint = find_start(args.checkpoint)
    model = load_network(cfg, checkpoint, dataset)
    sha256 = file_sha256(checkpoint)
    if args.thresholds:
        dataset.thresholds = read_thresholds(args.thresholds, sha256, data.type)
    loader = WatchedLoader(_build_loader(cfg, dataset, distributed), logger.warning)
    with test_bar():
        results = _predict(model, loader, distributed, cfg, args)
    if get_dist_info()[0] != 0:
        return
    if args.out:
        mmcv.dump(results, args.out)
    if args.eval:
        _report(
            results,
            dataset,
            data.type,
            sha256,
            choose_work_dir(args.config, cfg, args.work_dir),
            args,
        )


def keep_out_of_data(folder: str, data: dict) -> None:
    """Refuse a folder for pictures that holds the photographs or their maps.

    Args:
        folder (str): it need not be there.
        data (dict): the config of the data set that is tested.

    Raises:
        InputError: pictures could replace files of the data set.
    """
    data = unwrap_dataset(data)
    given = osp.realpath(folder)
    for key in ('img_dir', 'ann_dir', 'mask_dir'):
        if isinstance(data.get(key), str):
            theirs = osp.realpath(osp.join(data.get('data_root') or '', data[key]))
            if f'{given}/'.startswith(f'{theirs}/'):
                raise InputError(
                    f'{folder}: holds the files of {key}, which pictures of the same '
                    'names would replace; expected another folder'
                )


def _build_loader(cfg, dataset, distributed):
    return build_dataloader(
        dataset,
        num_gpus=1,
        dist=distributed,
        **{
            **{k: v for k, v in cfg.data.items() if k not in (*SPLITS, *LOADERS)},
            'samples_per_gpu': 1,
            'shuffle': False,
            **cfg.data.get('test_dataloader', {}),
        },
    )


def _predict(model, loader, distributed, cfg, args):
    """Return what each photograph comes to: scores with --eval, else predictions."""
    pre_eval = bool(args.eval)
    if distributed:
        model = distribute(
            model,
            cfg.device,
            device_ids=[int(os.environ['LOCAL_RANK'])],
            broadcast_buffers=False,
        )
        return multi_gpu_test(model, loader, pre_eval=pre_eval)
    model = build_dp(revert_sync_batchnorm(model), cfg.device, device_ids=[args.gpu_id])
    return single_gpu_test(
        model,
        loader,
        args.show,
        args.show_dir,
        opacity=args.opacity,
        pre_eval=pre_eval,
    )


def _report(results, dataset, kind, sha256, work_dir, args):
    """Print the table and write results.json."""
    make_folder(work_dir)
    path = osp.join(work_dir, results_name(args.split))
    summary = dataset.summarise(results, select_thresholds=args.split != 'test')
    print(dataset.table(summary, len(results), args.eval))
    write_results(
        path,
        results,
        dataset.photographs,
        dataset.ground_truths,
        summary,
        dataset.protocol,
        dataset.label_maps,
        dataset.lesions,
        split=args.split,
        dataset=kind,
        data_root=dataset.root,
        config=args.config,
        checkpoint_sha256=sha256,
        label_values=dataset.label_map,
        probabilities=args.save_probabilities
        and osp.relpath(args.save_probabilities, work_dir),
    )
    print(f'results are in {path}')


def dataset_to_test(cfg: mmcv.Config, split: str) -> mmcv.ConfigDict:
    """Return the config of the dataset to test on.

    Args:
        cfg (mmcv.Config): the config; left unchanged.
        split (str): 'train', 'val' or 'test'.

    Returns:
        ConfigDict: the dataset of that split, with the pipeline of the test.

    Raises:
        InputError: the config has no such dataset.
    """
    for name in (split, 'test'):
        if name not in cfg.data:
            raise InputError(f'config has no data.{name}, which --split {split} needs')
    data = cfg.data[split]
    # Training sets are wrapped, so that they repeat.
    while isinstance(data, dict) and 'dataset' in data:
        data = data['dataset']
    if not isinstance(data, dict) or isinstance(data.get('split'), (list, tuple)):
        raise InputError(f'data.{split} joins several data sets: test them one by one')
    if not isinstance(cfg.data.test, dict):
        raise InputError('data.test joins several data sets: whose pipeline is unclear')
    return type(data)(
        {
            **copy.deepcopy(data),
            'pipeline': copy.deepcopy(cfg.data.test['pipeline']),
            'test_mode': True,
        }
    )


def require_lesion_dataset(dataset: str) -> None:
    """Refuse a dataset whose results are not ours to score.

    Args:
        dataset (str): its type.

    Raises:
        InputError: it is no LesionDataset.
    """
    if not issubclass(DATASETS.get(dataset), LesionDataset):
        raise InputError(
            f'--eval: {dataset} is no LesionDataset; use the test.py of mmsegmentation'
        )


def enable_tta(data: mmcv.ConfigDict) -> None:
    """Make a test average over six scales and mirror images.

    Args:
        data (ConfigDict): the dataset; its pipeline is changed.

    Raises:
        InputError: the pipeline has no MultiScaleFlipAug with a resizing step in it.
    """
    for step in data.pipeline:
        resized = any(
            issubclass(PIPELINES.get(inner.type), Resize)
            for inner in step.get('transforms', [])
        )
        if step.type == 'MultiScaleFlipAug' and resized:
            step.img_ratios = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
            step.flip = True
            return
    raise InputError(
        '--aug-test: the pipeline of the test has no MultiScaleFlipAug with a Resize '
        'in it; --cfg-options model.test_cfg.flips=True averages over mirror images'
    )


def check_shown(data: mmcv.ConfigDict) -> None:
    """Refuse to paint where mmseg would paint on a part of the photograph.

    Args:
        data (ConfigDict): the dataset.

    Raises:
        InputError: its pipeline has a FundusCrop.
    """
    steps = [one for s in data.pipeline for one in (s, *s.get('transforms', []))]
    if any(step['type'] == 'FundusCrop' for step in steps):
        raise InputError(
            '--show and --show-dir: FundusCrop leaves a part of the photograph, which '
            'cannot be painted; hacdr predict draws outlines on the whole one'
        )


def _check_arguments(args):
    if not args.eval:
        for option in ('thresholds', 'save_probabilities'):
            if getattr(args, option):
                raise InputError(f'--{option.replace("_", "-")} needs --eval')
    if not (args.eval or args.out or args.show or args.show_dir):
        raise InputError('nothing to do: give --eval, --out, --show or --show-dir')
    if args.thresholds and args.split == 'val':
        raise InputError(
            '--thresholds were chosen on val: expected --split test or train'
        )
    if args.out and not args.out.endswith(('.pkl', '.pickle')):
        raise InputError(f'--out {args.out}: expected a name that ends in .pkl')
    if args.out and not osp.isdir(osp.dirname(args.out) or '.'):
        raise InputError(f'--out {args.out}: no such folder')
    if not 0 < args.opacity <= 1:
        raise InputError(f'--opacity {args.opacity}: expected more than 0, at most 1')
    if args.show:
        _require_display()


def _require_display():
    """Refuse to show windows where there are none."""
    # Without a display, OpenCV's windows of Qt would end the process.
    shown = sys.platform != 'linux' or any(
        os.environ.get(name) for name in ('DISPLAY', 'WAYLAND_DISPLAY')
    )
    try:
        if shown:
            cv2.namedWindow('hacdr')
            cv2.destroyWindow('hacdr')
    except cv2.error:
        # An OpenCV built without windows.
        shown = False
    if not shown:
        raise InputError('--show: no display here; expected --show-dir DIR')
