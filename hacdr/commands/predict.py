"""Segment photographs: label maps, overlays, table and gallery.

docs/predict.md says what is counted and how. It exits with 0 where every photograph was
predicted, now or before, and with 2 where some were passed over; the others are done.
"""

import argparse

from hacdr.commands.arguments import add_cfg_options, add_trust_checkpoint
from hacdr.commands.merge import add_format, join
from hacdr.errors import InputError, first_few, printable
from hacdr.inference.planning import require_photographs
from hacdr.inference.published import find_weights
from hacdr.stack import find_missing


def add_arguments(parser):
    parser.add_argument('photographs', help='a photograph or a folder of photographs')
    parser.add_argument('-o', '--output', required=True, help='folder for the results')
    parser.add_argument(
        '--weights',
        help='file of weights (.safetensors, .pth, .onnx), or the name of published '
        'ones; default: the published ones',
    )
    parser.add_argument(
        '--config',
        help='config file the weights were trained with, where they do not carry it',
    )
    parser.add_argument(
        '--recursive', action='store_true', help='look in sub-folders too'
    )
    parser.add_argument(
        '--probabilities',
        action='store_true',
        help='write a grey PNG of probabilities for each lesion too',
    )
    parser.add_argument(
        '--thresholds',
        metavar='RESULTS',
        help="results_val.json of these weights, or 'published' for those that came "
        'with them: a pixel gets the lesion furthest above its threshold; default: the '
        'most probable class',
    )
    parser.add_argument(
        '--flips',
        action='store_true',
        help='average over mirror images, which takes four times as long',
    )
    add_format(parser)
    parser.add_argument(
        '--labels',
        help="folder with the experts' label maps, to be drawn beside the prediction",
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace predictions of other weights, thresholds or versions, and files '
        'of something else that bear the name of a result',
    )
    parser.add_argument(
        '--device', help="'cpu' or 'cuda:0'; default: the GPU where there is one"
    )
    parser.add_argument(
        '--jobs',
        type=_positive,
        default=2,
        help='threads that read and write beside the network (default: %(default)s)',
    )
    parser.add_argument(
        '--shard',
        type=_shard,
        default=(1, 1),
        metavar='K/N',
        help='do the Kth of N parts, for jobs that share one output folder; in the end '
        'hacdr merge makes the tables',
    )
    add_cfg_options(parser)
    add_trust_checkpoint(parser)


def check(args):
    require_photographs(args.photographs)
    find_weights(args.weights)


def run(args):
    from hacdr.inference.folder import predict_folder
    from hacdr.inference.predictor import Predictor

    options = args.cfg_options
    if options and not find_missing():
        from hacdr.engine.config import parse_options

        options = parse_options(options)
    predictor = Predictor(
        args.weights,
        args.config,
        args.device,
        args.thresholds,
        args.flips,
        options,
    )
    sha256 = predictor.made_by['weights'][:8]
    print(
        printable(f'weights: {predictor.name} ({sha256}), device: {predictor.device}')
    )
    done = predict_folder(
        predictor,
        args.photographs,
        args.output,
        labels=args.labels,
        recursive=args.recursive,
        shard=args.shard,
        probabilities=args.probabilities,
        overwrite=args.overwrite,
        jobs=args.jobs,
    )
    print(f'photographs: {done.done} predicted, {done.kept} done before')
    if args.shard == (1, 1):
        join(args.output, args.format)
    else:
        part = '{} of {}'.format(*args.shard)
        told = f'part {part} is done; after all of them: hacdr merge {args.output}'
        print(printable(told))
    if done.passed_over:
        names = [entry['image'] for entry in done.passed_over]
        raise InputError(
            f'{len(names)} of {len(names) + done.done + done.kept} photographs were '
            f'passed over, see above: {first_few(names)}'
        )


def _positive(text):
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'{text}: expected a number, 1 or more')
    return int(text)


def _shard(text):
    part, slash, parts = text.partition('/')
    if not (slash and part.isdigit() and parts.isdigit()):
        raise argparse.ArgumentTypeError(f'{text}: expected K/N, such as 1/8')
    if not 1 <= int(part) <= int(parts):
        raise argparse.ArgumentTypeError(f'{text}: expected 1/N to N/N')
    return int(part), int(parts)
