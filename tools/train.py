"""Train a segmentor; flags as in mmsegmentation's train.py."""

import argparse
import os
import os.path as osp
import time

from hacdr_cli import run


def parse_args():
    from mmcv import DictAction

    parser = argparse.ArgumentParser(description='Train a segmentor')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument('--load-from', help='checkpoint to start the weights from')
    parser.add_argument('--resume-from', help='checkpoint to resume the training from')
    parser.add_argument(
        '--auto-resume',
        action='store_true',
        help='resume from the latest checkpoint in the work dir, if there is one',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate during training'
    )
    parser.add_argument(
        '--gpu-id',
        type=int,
        default=0,
        help='GPU of a training that is not distributed',
    )
    parser.add_argument('--seed', type=int, help='random seed')
    parser.add_argument(
        '--diff_seed', action='store_true', help='another seed for each process'
    )
    parser.add_argument(
        '--deterministic', action='store_true', help='deterministic cuDNN'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override settings of the config, key=value with dotted keys',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main():
    args = parse_args()
    import mmcv
    import mmseg
    import torch
    from mmcv.cnn.utils import revert_sync_batchnorm
    from mmcv.runner import get_dist_info, init_dist
    from mmseg.apis import init_random_seed, set_random_seed, train_segmentor
    from mmseg.datasets import build_dataset
    from mmseg.utils import (
        collect_env,
        get_device,
        get_root_logger,
        setup_multi_processes,
    )

    from hacdr.apis import build_network, check_config, load_config

    cfg = load_config(args.config, args.cfg_options)
    check_config(cfg)
    name = osp.splitext(osp.basename(args.config))[0]
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or osp.join('work_dirs', name)
    cfg.load_from = args.load_from or cfg.get('load_from')
    cfg.resume_from = args.resume_from or cfg.get('resume_from')
    cfg.auto_resume = args.auto_resume
    torch.backends.cudnn.benchmark = cfg.get('cudnn_benchmark', False)

    distributed = args.launcher != 'none'
    if distributed:
        init_dist(args.launcher, **cfg.dist_params)
    cfg.gpu_ids = range(get_dist_info()[1]) if distributed else [args.gpu_id]
    cfg.device = get_device()
    datasets = [build_dataset(cfg.data.train)]

    mmcv.mkdir_or_exist(osp.abspath(cfg.work_dir))
    cfg.dump(osp.join(cfg.work_dir, osp.basename(args.config)))
    timestamp = time.strftime('%Y%m%d_%H%M%S', time.localtime())
    log_file = osp.join(cfg.work_dir, f'{timestamp}.log')
    logger = get_root_logger(log_file=log_file, log_level=cfg.log_level)
    setup_multi_processes(cfg)
    environment = '\n'.join(f'{k}: {v}' for k, v in collect_env().items())
    logger.info('Environment:\n%s', environment)
    logger.info('Config:\n%s', cfg.pretty_text)

    cfg.seed = init_random_seed(args.seed, device=cfg.device)
    if args.diff_seed:
        cfg.seed += get_dist_info()[0]
    set_random_seed(cfg.seed, deterministic=args.deterministic)
    logger.info('Seed: %d, deterministic: %s', cfg.seed, args.deterministic)

    model = build_network(cfg)
    model.init_weights()
    if not distributed:
        model = revert_sync_batchnorm(model)
    model.CLASSES = datasets[0].CLASSES

    meta = dict(
        mmseg_version=mmseg.__version__,
        config=cfg.pretty_text,
        CLASSES=datasets[0].CLASSES,
        PALETTE=datasets[0].PALETTE,
    )
    if cfg.get('checkpoint_config') is not None:
        cfg.checkpoint_config.meta = meta
    train_segmentor(
        model,
        datasets,
        cfg,
        distributed=distributed,
        validate=not args.no_validate,
        timestamp=timestamp,
        meta=dict(
            meta,
            env_info=environment,
            seed=cfg.seed,
            exp_name=osp.basename(args.config),
        ),
    )


if __name__ == '__main__':
    run(main)
