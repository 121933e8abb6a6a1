"""Segment the lesions of every photograph in a folder."""

import argparse

from hacdr.cli import run


def parse_args():
    parser = argparse.ArgumentParser(
        description='Write a label map and an overlay for every photograph.'
    )
    parser.add_argument('config', help='config file the checkpoint was trained with')
    parser.add_argument('checkpoint', help='checkpoint file (.pth)')
    parser.add_argument('photographs', help='a photograph or a folder of photographs')
    parser.add_argument('-o', '--output', required=True, help='folder for the results')
    parser.add_argument(
        '--labels',
        help="folder with the experts' label maps, to be drawn beside the prediction",
    )
    parser.add_argument(
        '--device', help="'cpu' or 'cuda:0'; default: the GPU where there is one"
    )
    return parser.parse_args()


def main():
    args = parse_args()
    import torch

    from hacdr.apis import file_sha256, init_model, predict_folder
    from hacdr.models import fuse_for_inference

    device = args.device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
    model = fuse_for_inference(init_model(args.config, args.checkpoint, device=device))
    identity = dict(config=args.config, checkpoint_sha256=file_sha256(args.checkpoint))
    written = predict_folder(
        model, args.photographs, args.output, identity, args.labels
    )
    print(f'{len(written)} label maps and overlays are in {args.output}')


if __name__ == '__main__':
    run(main)
