"""Weights of MSCAN, SegNeXt's backbone, taken over where HACDR contains it.

HACDR is MSCAN with deformable convolutions in three places and two branches more. A
modulated deformable convolution whose offsets are zero and whose masks are sigmoid(0),
one half, is a plain one with half the kernel. So, with

* kernels that became deformable doubled, and their offset predictors zero,
* the last convolution of each further branch zero, which then adds nothing,

the network starts out computing MSCAN's features: in evaluation mode, for equal inputs,
and with the batch normalisation that MSCAN has.

The names are in ``weight_names``; of its own MSCAN has

=========================================  ======================================
MSCAN                                      HACDR
=========================================  ======================================
... .mlp.{fc1,fc2}                         ... .dffn.{expand,project}
... .mlp.dwconv.dwconv (SegNeXt)           ... .dffn.conv
... .mlp.dwconv (mmseg)                    ... .dffn.conv
=========================================  ======================================
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass

import torch

from hacdr.errors import InputError

from .backbones.hacdr import HACDR, AxialPair
from .layers import MDConv
from .weight_names import CONV, map_backbone_names, strip_module

BLOCK = [
    ('attn.spatial_gating_unit.conv0', 'haaa.cgmd.conv', CONV),
    ('mlp.fc1', 'dffn.expand', CONV),
    ('mlp.dwconv.dwconv', 'dffn.conv', CONV),
    ('mlp.dwconv', 'dffn.conv', CONV),
    ('mlp.fc2', 'dffn.project', CONV),
]


@dataclass
class MSCANConversion:
    """What became of MSCAN's weights.

    Attributes:
        state_dict (OrderedDict): of HACDR, for ``init_cfg=dict(type='Pretrained')``;
            what it does not name starts as usual.
        taken (list[str]): our names of weights taken from MSCAN.
        zeroed (list[str]): our names of weights that are zero: offset predictors,
            and ends of branches that MSCAN does not have.
        without_effect (list[str]): our names that start as usual, and do not change
            the output.
        missing (list[str]): our names that MSCAN should have and does not, or in
            another shape: the network does not start out as MSCAN.
        unused (list[str]): MSCAN's names that have no place here: its classifier, or
            parts of another size.
    """

    state_dict: OrderedDict
    taken: list
    zeroed: list
    without_effect: list
    missing: list
    unused: list

    @property
    def exact(self) -> bool:
        """bool: HACDR starts out computing MSCAN's features."""
        return not self.missing and all(
            re.match(r'(cls_)?head\.|decode_head\.|auxiliary_head\.', name)
            for name in self.unused
        )


def convert_mscan_state_dict(state_dict: dict, backbone: HACDR) -> MSCANConversion:
    """Turn weights of MSCAN into the start of a HACDR.

    Args:
        state_dict (dict): tensors by the names of SegNeXt or of mmseg: a checkpoint
            (with the key 'state_dict') or its state dict, with or without 'module.'
            and 'backbone.'.
        backbone (HACDR): what they are for; left as it is.

    Returns:
        MSCANConversion: the weights, and an account of them.

    Raises:
        InputError: no weight of MSCAN fits.
    """
    state_dict = state_dict.get('state_dict', state_dict)
    state_dict = {
        re.sub(r'^backbone\.', '', name): tensor
        for name, tensor in strip_module(state_dict).items()
    }
    names = map_backbone_names(state_dict, BLOCK, CONV)
    hacdr_weights = backbone.state_dict()
    zeroed = _zeroed_names(backbone)
    doubled = {
        f'{name}.weight'
        for name, module in backbone.named_modules()
        if isinstance(module, MDConv)
    }
    new, taken, unused = OrderedDict(), [], []
    for name, tensor in state_dict.items():
        target = names.get(name)
        if target not in hacdr_weights or hacdr_weights[target].shape != tensor.shape:
            unused.append(name)
            continue
        new[target] = 2 * tensor if target in doubled else tensor
        taken.append(target)
    if not taken:
        raise InputError(
            'no weights of MSCAN that fit, expected names such as '
            "'block1.0.attn.spatial_gating_unit.conv0.weight'"
        )
    for name in zeroed:
        new[name] = torch.zeros_like(hacdr_weights[name])
    added = tuple(f'{name}.' for name, _ in _further_branches(backbone))
    untouched = [name for name in hacdr_weights if name not in new]
    without_effect = [name for name in untouched if name.startswith(added)]
    missing = [name for name in untouched if name not in without_effect]
    return MSCANConversion(new, taken, zeroed, without_effect, missing, unused)


def _further_branches(backbone):
    """Return (name, module) of the branches that MSCAN does not have."""
    return [
        (name, module)
        for name, module in backbone.named_modules()
        if isinstance(module, AxialPair) and '.branches.mlkcc.' not in name
    ]


def _zeroed_names(backbone):
    """Return the names of what has to be zero."""
    branches = _further_branches(backbone)
    inside = tuple(f'{name}.' for name, _ in branches)
    names = []
    for name, _ in branches:
        # Not the row as well: then neither would ever get a gradient.
        names += [f'{name}.column.weight', f'{name}.column.bias']
    for name, module in backbone.named_modules():
        if isinstance(module, MDConv) and not name.startswith(inside):
            names += [f'{name}.conv_offset.weight', f'{name}.conv_offset.bias']
    return names
