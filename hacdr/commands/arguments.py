"""Arguments that several commands share, and what follows from them."""

import argparse
import os
import os.path as osp

from hacdr.errors import InputError


def add_cfg_options(parser):
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_ConfigOptions,
        help='override settings of the config, key=value with dotted keys',
    )


class _ConfigOptions(argparse.Action):
    """mmcv's DictAction, which is loaded where the option is given."""

    def __call__(self, parser, namespace, values, option_string=None):
        from mmcv import DictAction

        for value in values:
            if value.find('=') < 1:
                parser.error(f'argument {option_string}: {value!r}, expected key=value')
        action = DictAction(self.option_strings, self.dest)
        action(parser, namespace, values, option_string)


def add_launcher(parser):
    """Add what a job of several processes is started with."""
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


def add_trust_checkpoint(parser):
    """Add ``--trust-checkpoint``, which hacdr_cli acts on."""
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read checkpoints that hold more than tensors and plain values: they may '
        'run code',
    )


def add_verbose(parser):
    """Add ``--verbose``, for :func:`hacdr.engine.terminal.open_terminal`."""
    parser.add_argument(
        '--verbose',
        action='store_true',
        help='show all that mmcv and mmseg log, not only what a user needs',
    )


def add_gpu_id(parser):
    """Add ``--gpu-id``, which :func:`join_processes` checks."""
    parser.add_argument(
        '--gpu-id', type=int, default=0, help='GPU of a job of one process (default: 0)'
    )


def join_processes(args, cfg):
    """Make this process one of its job.

    Args:
        args (Namespace): with what :func:`add_launcher` and :func:`add_gpu_id` added.
        cfg (mmcv.Config): its ``dist_params`` are used.

    Returns:
        bool: whether the job has several processes.

    Raises:
        InputError: one process, on a GPU that is not there.
    """
    # Late: commands without a launcher need not wait for it.
    import torch

    from hacdr.engine import processes

    if args.launcher == 'none':
        gpus = torch.cuda.device_count()
        if gpus and not 0 <= args.gpu_id < gpus:
            raise InputError(f'--gpu-id {args.gpu_id}: expected 0 to {gpus - 1}')
        return False
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    processes.join_processes(args.launcher, cfg.dist_params)
    return True


def choose_work_dir(args, cfg):
    """Return ``--work-dir``, or the config's, or one named after the config file."""
    name = osp.splitext(osp.basename(args.config))[0]
    return args.work_dir or cfg.get('work_dir') or osp.join('work_dirs', name)
