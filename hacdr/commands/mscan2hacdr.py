"""Make a start for the backbone from ImageNet weights of MSCAN-T.

    hacdr mscan2hacdr mscan_t.pth hacdr_mscan_t.pth
    hacdr train hacdr_idrid --cfg-options \\
        model.backbone.init_cfg.type=Pretrained \\
        model.backbone.init_cfg.checkpoint=hacdr_mscan_t.pth

The backbone then starts out computing MSCAN's features. Takes the names of the
parameters in SegNeXt and in mmsegmentation.
"""

from hacdr.commands.arguments import add_trust_checkpoint
from hacdr.errors import InputError
from hacdr.files import atomic_write, require_checkpoint


def add_arguments(parser):
    parser.add_argument('source', help='checkpoint of MSCAN (.pth)')
    parser.add_argument('target', help='checkpoint to write (.pth)')
    parser.add_argument(
        '--config',
        help="config whose model.backbone they are for (default: HACDR's own values)",
    )
    add_trust_checkpoint(parser)


def check(args):
    require_checkpoint(args.source)


def run(args):
    import torch
    from mmseg.models.builder import build_backbone

    from hacdr.engine import read_checkpoint
    from hacdr.models import convert_mscan_state_dict

    backbone = build_backbone(_backbone_config(args.config))
    mscan = read_checkpoint(args.source)
    try:
        conversion = convert_mscan_state_dict(mscan, backbone)
    except InputError as error:
        raise InputError(f'{args.source}: {error}') from error
    _tell(conversion)
    with atomic_write(args.target) as temporary:
        torch.save({'state_dict': conversion.state_dict}, temporary)
    print(f'{args.target}: {len(conversion.state_dict)} tensors')


def _backbone_config(path):
    """Return the backbone of the config ``path``, or the default one."""
    if path is None:
        return {'type': 'HACDR'}
    from hacdr.engine.config import load_config

    backbone = load_config(path).model.backbone
    if backbone.type != 'HACDR':
        raise InputError(
            f'{path}: model.backbone.type is {backbone.type}, expected HACDR'
        )
    return backbone


def _tell(conversion):
    """Print what was taken and what was not."""
    for names, meaning in (
        (conversion.taken, 'taken from MSCAN'),
        (conversion.zeroed, 'zero: offsets, and the ends of branches it lacks'),
        (conversion.without_effect, 'of those branches, start as usual'),
        (conversion.missing, 'not in MSCAN or of another shape, start as usual'),
        (conversion.unused, 'of MSCAN, have no place here'),
    ):
        first = f' ({names[0]}, ...)' if names else ''
        print(f'{len(names):5d} {meaning}{first}')
    if conversion.exact:
        print("The backbone starts out computing MSCAN's features.")
    else:
        print("The backbone does not compute MSCAN's features: other parts than its.")
