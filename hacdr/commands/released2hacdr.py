"""Convert weights of the authors' released code.

    hacdr released2hacdr released.pth hacdr.pth

The result is for ``HACDR(near_far_kernel=0)`` with
``AdaptiveAggregationHead(mode='concat')``, classes in this package's order.
"""

from hacdr.commands.arguments import add_trust_checkpoint
from hacdr.errors import InputError
from hacdr.files import atomic_write, require_checkpoint
from hacdr.lesions import CLASSES, PALETTE


def add_arguments(parser):
    parser.add_argument('source', help='checkpoint of the released code (.pth)')
    parser.add_argument('target', help='checkpoint to write (.pth)')
    add_trust_checkpoint(parser)


def check(args):
    require_checkpoint(args.source)


def run(args):
    import torch

    from hacdr.engine import read_checkpoint
    from hacdr.models import convert_released_state_dict

    released = read_checkpoint(args.source)
    try:
        state_dict = convert_released_state_dict(released)
    except InputError as error:
        raise InputError(f'{args.source}: {error}') from error
    checkpoint = {
        'meta': {'CLASSES': CLASSES, 'PALETTE': PALETTE},
        'state_dict': state_dict,
    }
    with atomic_write(args.target) as temporary:
        torch.save(checkpoint, temporary)
    print(f'{args.target}: {len(state_dict)} tensors')
