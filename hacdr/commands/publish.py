"""Write the weights of a checkpoint alone, in half precision.

The file is of the format safetensors.
"""

from hacdr.commands.arguments import add_trust_checkpoint
from hacdr.engine import publish_weights, read_checkpoint
from hacdr.files import file_sha256
from hacdr.inference import read_thresholds


def add_arguments(parser):
    parser.add_argument('checkpoint', help='checkpoint of a training')
    parser.add_argument('output', help='file to write, .safetensors')
    parser.add_argument(
        '--thresholds',
        metavar='RESULTS',
        help='results_val.json of the checkpoint: its thresholds come with the weights',
    )
    add_trust_checkpoint(parser)


def run(args):
    checkpoint = read_checkpoint(args.checkpoint)
    thresholds = None
    if args.thresholds:
        thresholds = read_thresholds(args.thresholds, file_sha256(args.checkpoint))
    sha256 = publish_weights(checkpoint, args.output, thresholds)
    print(f'{sha256}  {args.output}')
