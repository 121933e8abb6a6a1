"""Write a network as ONNX, for predictions without torch.

The file carries classes, thresholds and preprocessing: hacdr predict --weights FILE
needs nothing else, and neither torch nor mmseg. What onnxruntime computes is compared
with torch's before the file appears. Kernels that half precision holds without loss, as
those of hacdr publish, are stored in it.
"""

from hacdr.commands.arguments import add_trust_checkpoint
from hacdr.errors import InputError
from hacdr.files import file_sha256
from hacdr.inference.published import find_weights


def add_arguments(parser):
    parser.add_argument('weights', help='file of weights, or name of published ones')
    parser.add_argument('output', help='file to write, .onnx')
    parser.add_argument(
        '--config',
        help='config file the weights were trained with, where they do not carry it',
    )
    parser.add_argument('--card', help='text file about the weights, to come with them')
    parser.add_argument(
        '--half',
        action='store_true',
        help='round all kernels to half precision: half the size for a checkpoint',
    )
    add_trust_checkpoint(parser)


def check(args):
    find_weights(args.weights)


def run(args):
    from hacdr.inference.onnx_export import export_onnx

    weights = find_weights(args.weights)
    card = _read(args.card) if args.card else ''
    difference = export_onnx(weights, args.output, args.config, card, args.half)
    print(
        f"probabilities differ by {difference:.1g} at most from torch's\n"
        f'{file_sha256(args.output)}  {args.output}'
    )


def _read(path):
    try:
        with open(path, encoding='utf-8') as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'{path}: cannot be read as text ({error})') from error
