"""Write the weights of a checkpoint alone, rounded.

The file is of the format safetensors, kernels in half precision. It carries what
prediction needs to know: the network and the test pipeline of the config, names and
colours of the classes.
"""

from hacdr.commands.arguments import add_trust_checkpoint
from hacdr.files import file_sha256, require_checkpoint


def add_arguments(parser):
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('output', help='file to write, .safetensors')
    parser.add_argument(
        '--config',
        help='config file the checkpoint was trained with, where it does not carry it',
    )
    parser.add_argument(
        '--thresholds',
        metavar='RESULTS',
        help='results_val.json of the checkpoint, or results_folds.json of a study of '
        'its recipe: its thresholds come with the weights',
    )
    parser.add_argument(
        '--trained-diameter',
        type=float,
        metavar='PIXELS',
        help='of the field of view, as the network saw it: predictions warn of smaller '
        'ones',
    )
    add_trust_checkpoint(parser)


def check(args):
    require_checkpoint(args.checkpoint)


def run(args):
    from hacdr.engine import publish_weights, read_checkpoint
    from hacdr.engine.config import load_config
    from hacdr.inference.thresholds import read_thresholds

    checkpoint = read_checkpoint(args.checkpoint)
    thresholds = None
    if args.thresholds:
        sha256 = file_sha256(args.checkpoint)
        thresholds = read_thresholds(args.thresholds, sha256, folds=True)
    config = args.config and load_config(args.config)
    sha256 = publish_weights(
        checkpoint, args.output, thresholds, config, args.trained_diameter
    )
    print(f'{sha256}  {args.output}')
