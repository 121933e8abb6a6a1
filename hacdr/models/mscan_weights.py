"""Weights of MSCAN, SegNeXt's backbone, taken over where HACDR contains it.

HACDR is MSCAN with deformable convolutions in three places and two branches more.
A modulated deformable convolution whose offsets are zero and whose masks are sigmoid(0),
one half, is a plain one with half the kernel. So, with

* kernels that became deformable doubled, and their offset predictors zero,
* the last convolution of each further branch zero, which then adds nothing,

the network starts out computing MSCAN's features: in evaluation mode, for equal inputs,
and with the batch normalisation that MSCAN has.

=========================================  ======================================
MSCAN, stage s from 1                      ours, stage i = s - 1
=========================================  ======================================
patch_embed1.proj.{0,1,3,4}                stages.0.embed.{conv1,norm1,conv2,norm2}
patch_embed{s}.{proj,norm}                 stages.{i}.embed.{conv,norm}
block{s}.{j}                               stages.{i}.blocks.{j}
... .norm{1,2}, .layer_scale_{1,2}         ... .norm{1,2}, .layer_scale{1,2}
... .attn.proj_1                           ... .haaa.cgmd.proj
... .attn.spatial_gating_unit.conv0        ... .haaa.cgmd.conv
... .conv{p}_{1,2}, p = 0, 1, 2            ... .haaa.branches.mlkcc.pairs.{p}.{row,column}
... .conv3                                 ... .haaa.fuse
... .attn.proj_2                           ... .haaa.proj
... .mlp.{fc1,fc2}                         ... .dffn.{expand,project}
... .mlp.dwconv.dwconv (SegNeXt)           ... .dffn.conv
... .mlp.dwconv (mmseg)                    ... .dffn.conv
norm{s}                                    stages.{i}.norm
=========================================  ======================================
"""  # noqa: E501

import re
from collections import OrderedDict
from dataclasses import dataclass

import torch

from hacdr.errors import InputError

from .backbones.hacdr import AxialPair
from .layers import MDConv

STEM = {'0': 'conv1', '1': 'norm1', '3': 'conv2', '4': 'norm2'}
AXES = {'1': 'row', '2': 'column'}
BLOCK = {
    'attn.proj_1': 'haaa.cgmd.proj',
    'attn.proj_2': 'haaa.proj',
    'attn.spatial_gating_unit.conv0': 'haaa.cgmd.conv',
    'attn.spatial_gating_unit.conv3': 'haaa.fuse',
    'mlp.fc1': 'dffn.expand',
    'mlp.fc2': 'dffn.project',
    'mlp.dwconv.dwconv': 'dffn.conv',
    'mlp.dwconv': 'dffn.conv',
    'norm1': 'norm1',
    'norm2': 'norm2',
}


@dataclass
class MSCANConversion:
    """What became of MSCAN's weights.

    Attributes:
        state_dict (OrderedDict): of HACDR, for ``init_cfg=dict(type='Pretrained')``;
            what it does not name starts as usual.
        taken (list[str]): our names of weights taken from MSCAN.
        silenced (list[str]): our names of weights that are zero: offset predictors,
            and ends of branches that MSCAN does not have.
        own (list[str]): our names that start as usual, without effect on the output.
        missing (list[str]): our names that MSCAN should have and does not, or in
            another shape: the network does not start out as MSCAN.
        left (list[str]): MSCAN's names that have no place here: its classifier, or
            parts of another size.
    """

    state_dict: OrderedDict
    taken: list
    silenced: list
    own: list
    missing: list
    left: list

    @property
    def exact(self):
        """bool: HACDR starts out computing MSCAN's features."""
        return not self.missing and all(
            re.match(r'(cls_)?head\.|decode_head\.|auxiliary_head\.', name)
            for name in self.left
        )


def convert_mscan_state_dict(state_dict, backbone):
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
    state_dict = {_without_prefix(name): t for name, t in state_dict.items()}
    ours = backbone.state_dict()
    silenced = _silenced(backbone)
    doubled = {
        f'{name}.weight'
        for name, module in backbone.named_modules()
        if isinstance(module, MDConv)
    }
    new, taken, left = OrderedDict(), [], []
    for name, tensor in state_dict.items():
        target = _our_name(name)
        if target not in ours or ours[target].shape != tensor.shape:
            left.append(name)
            continue
        new[target] = 2 * tensor if target in doubled else tensor
        taken.append(target)
    if not taken:
        raise InputError(
            'no weights of MSCAN that fit, expected names such as '
            "'block1.0.attn.spatial_gating_unit.conv0.weight'"
        )
    for name in silenced:
        new[name] = torch.zeros_like(ours[name])
    behind = tuple(f'{name}.' for name, _ in _further_branches(backbone))
    rest = [name for name in ours if name not in new]
    own = [name for name in rest if name.startswith(behind)]
    missing = [name for name in rest if name not in own]
    return MSCANConversion(new, taken, silenced, own, missing, left)


def _without_prefix(name):
    return re.sub(r'^(module\.)?(backbone\.)?', '', name)


def _our_name(name):
    """Return our name for one of MSCAN's, or None."""
    match = re.fullmatch(r'patch_embed1\.proj\.([0134])\.(\w+)', name)
    if match:
        return f'stages.0.embed.{STEM[match[1]]}.{match[2]}'
    match = re.fullmatch(r'patch_embed(\d)\.(proj|norm)\.(\w+)', name)
    if match:
        part = 'conv' if match[2] == 'proj' else 'norm'
        return f'stages.{int(match[1]) - 1}.embed.{part}.{match[3]}'
    match = re.fullmatch(r'norm(\d)\.(\w+)', name)
    if match:
        return f'stages.{int(match[1]) - 1}.norm.{match[2]}'
    match = re.fullmatch(r'block(\d)\.(\d+)\.(.+)', name)
    part = match and _our_part_of_a_block(match[3])
    return part and f'stages.{int(match[1]) - 1}.blocks.{match[2]}.{part}'


def _our_part_of_a_block(name):
    match = re.fullmatch(r'layer_scale_([12])', name)
    if match:
        return f'layer_scale{match[1]}'
    layer, _, tensor = name.rpartition('.')
    match = re.fullmatch(r'attn\.spatial_gating_unit\.conv([012])_([12])', layer)
    if match:
        pair = f'haaa.branches.mlkcc.pairs.{match[1]}'
        return f'{pair}.{AXES[match[2]]}.{tensor}'
    return f'{BLOCK[layer]}.{tensor}' if layer in BLOCK else None


def _further_branches(backbone):
    """Return (name, module) of the branches that MSCAN does not have."""
    return [
        (name, module)
        for name, module in backbone.named_modules()
        if isinstance(module, AxialPair) and '.branches.mlkcc.' not in name
    ]


def _silenced(backbone):
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
