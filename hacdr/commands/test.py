"""Test a checkpoint; flags as in mmsegmentation's test.py.

Without its --tmpdir and --gpu-collect: processes hand on their results without files.
"""

from hacdr.commands.arguments import (
    add_cfg_options,
    add_gpu_id,
    add_launcher,
    add_trust_checkpoint,
    add_verbose,
)
from hacdr.errors import InputError
from hacdr.evaluation import SPLITS
from hacdr.files import require_checkpoint
from hacdr.inference.published import find_start
from hacdr.shipped import CONFIG_SUFFIXES, find_config


def add_arguments(parser):
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint', help='checkpoint file, or the name of published weights'
    )
    parser.add_argument(
        '--work-dir',
        help="folder for results.json; default: the config's work_dir, or "
        'work_dirs/CONFIG',
    )
    parser.add_argument(
        '--split',
        choices=SPLITS,
        default='test',
        help='photographs to test on; others than test choose the thresholds of best '
        'Dice too and write results_SPLIT.json (default: test)',
    )
    parser.add_argument(
        '--thresholds',
        metavar='RESULTS',
        help='results_val.json of the same checkpoint: adds Dice at its thresholds',
    )
    parser.add_argument(
        '--save-probabilities',
        metavar='DIR',
        help='folder for small grey images of the probabilities, for a report',
    )
    parser.add_argument(
        '--eval', nargs='+', metavar='METRIC', help='of mAUPR, mDice, mIoU'
    )
    parser.add_argument('--out', help='pickle file for the raw results')
    parser.add_argument('--show', action='store_true', help='show the predictions')
    parser.add_argument('--show-dir', help='folder for painted photographs')
    parser.add_argument(
        '--opacity', type=float, default=0.5, help='of the painted lesions, (0, 1]'
    )
    parser.add_argument(
        '--aug-test',
        action='store_true',
        help='average over flips and scales; needs a Resize in the test pipeline',
    )
    add_gpu_id(parser)
    add_cfg_options(parser)
    add_launcher(parser)
    add_trust_checkpoint(parser)
    add_verbose(parser)


def check(args):
    try:
        find_config(args.config)
    except InputError as error:
        if _are_swapped(args):
            raise InputError(
                f'{args.config}: no config, and {args.checkpoint} is one; expected '
                'them the other way round'
            ) from error
        raise
    if '://' in args.checkpoint:
        raise InputError(f'{args.checkpoint}: is an address, expected a file')
    require_checkpoint(find_start(args.checkpoint))


def _are_swapped(args):
    """Tell whether the checkpoint is a config, where the config is none."""
    if args.config.endswith(CONFIG_SUFFIXES):
        return False
    try:
        find_config(args.checkpoint)
    except InputError:
        return False
    return True


def run(args):
    from hacdr.apis.test import test

    test(args)
