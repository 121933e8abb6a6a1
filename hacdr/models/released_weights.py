"""Weights of the authors' released code, renamed for this package.

Their classes are background, EX, MA, SE, HE; ours background, EX, HE, SE, MA. The
classifier is put in our order. Their names follow MSCAN's (see ``weight_names``); what
MSCAN does not have:

=========================================  ======================================
released                                   ours
=========================================  ======================================
... .attn.spatial_gating_unit.conv3_{1,2}  ... .haaa.branches.dcc.{row,column}
... .DFFN.{fc1,dwconv,fc2}                 ... .dffn.{expand,conv,project}
decoder{d}.layer.{0,1,3,4}, d from 2       aggregations.{d-2}.ccbg.{conv1,norm1,...}
align, conv_seg                            align, conv_seg
=========================================  ======================================
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Iterable

from hacdr.errors import InputError

from .weight_names import (
    BATCH_NORM,
    CONV,
    CONV_NORM_TWICE,
    MDCONV,
    find_largest,
    map_backbone_names,
    map_layers,
    strip_module,
)

BLOCK = [
    ('attn.spatial_gating_unit.conv0', 'haaa.cgmd.conv', MDCONV),
    ('attn.spatial_gating_unit.conv3_1', 'haaa.branches.dcc.row', MDCONV),
    ('attn.spatial_gating_unit.conv3_2', 'haaa.branches.dcc.column', MDCONV),
    ('DFFN.fc1', 'dffn.expand', CONV),
    ('DFFN.dwconv', 'dffn.conv', CONV),
    ('DFFN.fc2', 'dffn.project', CONV),
]
# Position in our class order -> position in theirs.
CLASS_ORDER = [0, 1, 4, 3, 2]


def convert_released_state_dict(state_dict: dict) -> OrderedDict:
    """Rename released weights and put the classifier in our class order.

    Args:
        state_dict (dict): tensors by released name: a whole checkpoint (with the key
            'state_dict') or its state dict, with or without 'module.'; backbone
            ('backbone.' or no prefix), head ('decode_head.' or no prefix) or both.

    Returns:
        OrderedDict: tensors by our name, with the same prefixes but 'module.'. Its
        network is HACDR with ``near_far_kernel=0`` and AdaptiveAggregationHead with
        ``mode='concat'``.

    Raises:
        hacdr.errors.InputError: a name that the released network does not have, one
            that is missing, or a classifier of other than its five classes.
    """
    state_dict = state_dict.get('state_dict', state_dict)
    state_dict = strip_module(state_dict)
    names = map_released_names(state_dict)
    if not names:
        raise InputError(
            'no weights of the released network, expected names such as '
            "'backbone.patch_embed1.proj.0.weight'"
        )
    _refuse(set(state_dict) - set(names), 'not a weight of the released network')
    _refuse(set(names) - set(state_dict), 'missing from the released weights')
    converted = OrderedDict()
    for name, tensor in state_dict.items():
        if re.fullmatch(r'(decode_head\.)?conv_seg\.(weight|bias)', name):
            if len(tensor) != len(CLASS_ORDER):
                raise InputError(
                    f'{name}: {len(tensor)} classes, expected the released '
                    f'{len(CLASS_ORDER)} (background, EX, MA, SE, HE)'
                )
            tensor = tensor[CLASS_ORDER]
        converted[names[name]] = tensor
    return converted


def map_released_names(names: Iterable[str]) -> dict[str, str]:
    """Map each name of a released network of the size of ``names`` to ours."""
    mapped = {}
    for prefix in ('backbone.', ''):
        mapped.update(map_backbone_names(names, BLOCK, MDCONV, prefix))
    for prefix in ('decode_head.', ''):
        last = find_largest(prefix, r'decoder(\d+)\.', names)
        if last >= 0:
            mapped.update(_map_head_names(prefix, last))
    return mapped


def _map_head_names(prefix, last_decoder):
    mapped = {
        f'{prefix}conv_seg.{tensor}': f'{prefix}conv_seg.{tensor}' for tensor in CONV
    }
    align = [('conv', 'conv', ('weight',)), ('bn', 'bn', BATCH_NORM)]
    mapped.update(map_layers(f'{prefix}align', f'{prefix}align', align))
    for d in range(2, last_decoder + 1):
        new = f'{prefix}aggregations.{d - 2}.ccbg'
        mapped.update(map_layers(f'{prefix}decoder{d}.layer', new, CONV_NORM_TWICE))
    return mapped


def _refuse(names, problem):
    if names:
        first, more = min(names), len(names) - 1
        raise InputError(first + (f' and {more} more' if more else '') + f': {problem}')
