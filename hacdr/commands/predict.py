"""Write a label map and an overlay for every photograph."""

import torch

from hacdr.commands.arguments import add_cfg_options, add_trust_checkpoint
from hacdr.errors import InputError
from hacdr.files import file_sha256
from hacdr.inference.folder import predict_folder
from hacdr.inference.model import init_model
from hacdr.inference.thresholds import read_thresholds
from hacdr.models import fuse_for_inference


def add_arguments(parser):
    parser.add_argument('config', help='config file the checkpoint was trained with')
    parser.add_argument('checkpoint', help='checkpoint file (.pth, .safetensors)')
    parser.add_argument('photographs', help='a photograph or a folder of photographs')
    parser.add_argument('-o', '--output', required=True, help='folder for the results')
    parser.add_argument(
        '--labels',
        help="folder with the experts' label maps, to be drawn beside the prediction",
    )
    parser.add_argument(
        '--thresholds',
        metavar='RESULTS',
        help="results_val.json of this checkpoint, or 'published' for those that came "
        'with the weights: a pixel gets the lesion furthest above its threshold; '
        'default: the most probable class',
    )
    parser.add_argument(
        '--device', help="'cpu' or 'cuda:0'; default: the GPU where there is one"
    )
    add_cfg_options(parser)
    add_trust_checkpoint(parser)


def run(args):
    device = args.device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
    model = init_model(args.config, args.checkpoint, device, args.cfg_options)
    sha256 = file_sha256(args.checkpoint)
    thresholds = None
    if args.thresholds == 'published':
        thresholds = model.thresholds
        if thresholds is None:
            raise InputError(
                f'{args.checkpoint}: no thresholds came with these weights; expected a '
                'results_val.json, or weights of hacdr publish --thresholds'
            )
    elif args.thresholds:
        thresholds = read_thresholds(args.thresholds, sha256, model.cfg.data.test.type)
    identity = dict(
        config=args.config,
        cfg_options=args.cfg_options,
        checkpoint_sha256=sha256,
        thresholds=thresholds,
    )
    written = predict_folder(
        fuse_for_inference(model),
        args.photographs,
        args.output,
        identity,
        args.labels,
        thresholds,
    )
    print(f'{len(written)} label maps and overlays are in {args.output}')
