"""Arguments that several commands share."""

import argparse


def add_cfg_options(parser):
    """Add ``--cfg-options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_ConfigOptions,
        help='override settings of the config, key=value with dotted keys',
    )


class _ConfigOptions(argparse.Action):
    """Keeps words of the form key=value, for hacdr.engine.config.parse_options."""

    def __call__(self, parser, namespace, values, option_string=None):
        for value in values:
            if value.find('=') < 1:
                parser.error(f'argument {option_string}: {value!r}, expected key=value')
        setattr(namespace, self.dest, values)


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
    """Add ``--gpu-id``, which :func:`hacdr.engine.processes.join_processes` checks."""
    parser.add_argument(
        '--gpu-id', type=int, default=0, help='GPU of a job of one process (default: 0)'
    )
