"""Train a network; flags as in mmsegmentation's train.py.

Without its --diff_seed: processes that train together share a seed, and each draws
numbers of its own from it all the same. Without what it calls deprecated, --gpu-ids and
--options.
"""

from hacdr.commands.arguments import (
    add_cfg_options,
    add_gpu_id,
    add_launcher,
    add_trust_checkpoint,
    add_verbose,
)
from hacdr.files import require_checkpoint
from hacdr.inference.published import find_start
from hacdr.shipped import find_config


def add_arguments(parser):
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--load-from',
        help='checkpoint to start the weights from, or name of published weights',
    )
    parser.add_argument('--resume-from', help='checkpoint to resume the training from')
    parser.add_argument(
        '--auto-resume',
        action='store_true',
        help='resume from the newest checkpoint in the work dir that is whole, if '
        'there is one',
    )
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate during training'
    )
    add_gpu_id(parser)
    # As mim passes them, where it finds --gpus in this help.
    parser.add_argument(
        '--gpus',
        type=int,
        default=1,
        help='number of GPUs: 1; for more see tools/dist_train.sh',
    )
    parser.add_argument(
        '--device',
        choices=['cpu', 'cuda'],
        help='where to train, without --launcher (default: a GPU if there is one)',
    )
    parser.add_argument(
        '--seed', type=int, help='random seed; a resumed training keeps its own'
    )
    parser.add_argument(
        '--deterministic', action='store_true', help='deterministic cuDNN'
    )
    add_cfg_options(parser)
    add_launcher(parser)
    add_trust_checkpoint(parser)
    add_verbose(parser)


def check(args):
    find_config(args.config)
    if args.load_from:
        require_checkpoint(find_start(args.load_from))
    if args.resume_from:
        require_checkpoint(args.resume_from)


def run(args):
    from hacdr.apis.train import train

    train(args)
