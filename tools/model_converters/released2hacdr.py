"""Convert weights of the authors' released code to a checkpoint for this package.

    python tools/model_converters/released2hacdr.py released.pth hacdr.pth

The result is for ``HACDR(near_far_kernel=0)`` with
``AdaptiveAggregationHead(mode='concat')``, classes in this package's order.
"""

import argparse
import os
import pickle

import torch
from mmcv.runner import CheckpointLoader

from hacdr.cli import run
from hacdr.errors import InputError
from hacdr.models import convert_released_state_dict

CLASSES = ('background', 'EX', 'HE', 'SE', 'MA')
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0]]


def main():
    """Read, convert, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', help='checkpoint of the released code (.pth)')
    parser.add_argument('target', help='checkpoint to write (.pth)')
    args = parser.parse_args()

    try:
        state_dict = convert_released_state_dict(read(args.source))
    except InputError as error:
        raise InputError(f'{args.source}: {error}') from error
    write(
        {
            'meta': {'CLASSES': CLASSES, 'PALETTE': PALETTE},
            'state_dict': state_dict,
        },
        args.target,
    )
    print(f'{args.target}: {len(state_dict)} tensors')


def read(path):
    """Load the checkpoint ``path``, a dict."""
    if not os.path.isfile(path):
        raise InputError('no such file')
    try:
        checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    except (EOFError, KeyError, OSError, RuntimeError, pickle.UnpicklingError) as error:
        raise InputError('not a checkpoint that torch can read') from error
    if not isinstance(checkpoint, dict):
        raise InputError(f'a {type(checkpoint).__name__}, expected a dict of weights')
    return checkpoint


def write(checkpoint, path):
    """Write ``checkpoint`` to ``path`` in one piece or not at all."""
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise InputError(f'{path}: no folder {folder} to write to')
    temporary = f'{path}.{os.getpid()}.tmp'
    try:
        torch.save(checkpoint, temporary)
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


if __name__ == '__main__':
    run(main)
