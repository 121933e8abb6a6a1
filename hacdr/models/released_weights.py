"""Weights of the authors' released code, renamed for this package.

Their classes are background, EX, MA, SE, HE; ours background, EX, HE, SE, MA. The
classifier is put in our order. Their names follow MSCAN (SegNeXt), ours the figure:

=========================================  ======================================
released, stage s from 1                   ours, stage i = s - 1
=========================================  ======================================
patch_embed1.proj.{0,1,3,4}                stages.0.embed.{conv1,norm1,conv2,norm2}
patch_embed{s}.{proj,norm}                 stages.{i}.embed.{conv,norm}
block{s}.{j}                               stages.{i}.blocks.{j}
... .norm{1,2}, .layer_scale_{1,2}         ... .norm{1,2}, .layer_scale{1,2}
... .attn.proj_1                           ... .haaa.cgmd.proj
... .attn.spatial_gating_unit.conv0        ... .haaa.cgmd.conv
... .conv{p}_{1,2}, p = 0, 1, 2            ... .haaa.branches.mlkcc.pairs.{p}.{row,column}
... .conv3_{1,2}                           ... .haaa.branches.dcc.{row,column}
... .conv3                                 ... .haaa.fuse
... .attn.proj_2                           ... .haaa.proj
... .DFFN.{fc1,dwconv,fc2}                 ... .dffn.{expand,conv,project}
norm{s}                                    stages.{i}.norm
decoder{d}.layer.{0,1,3,4}, d from 2       aggregations.{d-2}.ccbg.{conv1,norm1,...}
align, conv_seg                            align, conv_seg
=========================================  ======================================
"""  # noqa: E501

import re
from collections import OrderedDict

from hacdr.errors import InputError

CONV = ('weight', 'bias')
MDCONV = ('weight', 'bias', 'conv_offset.weight', 'conv_offset.bias')
LAYER_NORM = ('weight', 'bias')
BATCH_NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')

# (released layer, our layer, their tensors)
CONV_NORM_TWICE = [
    ('0', 'conv1', CONV),
    ('1', 'norm1', BATCH_NORM),
    ('3', 'conv2', CONV),
    ('4', 'norm2', BATCH_NORM),
]
BLOCK = [
    ('norm1', 'norm1', BATCH_NORM),
    ('attn.proj_1', 'haaa.cgmd.proj', CONV),
    ('attn.spatial_gating_unit.conv0', 'haaa.cgmd.conv', MDCONV),
    ('attn.spatial_gating_unit.conv0_1', 'haaa.branches.mlkcc.pairs.0.row', CONV),
    ('attn.spatial_gating_unit.conv0_2', 'haaa.branches.mlkcc.pairs.0.column', CONV),
    ('attn.spatial_gating_unit.conv1_1', 'haaa.branches.mlkcc.pairs.1.row', CONV),
    ('attn.spatial_gating_unit.conv1_2', 'haaa.branches.mlkcc.pairs.1.column', CONV),
    ('attn.spatial_gating_unit.conv2_1', 'haaa.branches.mlkcc.pairs.2.row', CONV),
    ('attn.spatial_gating_unit.conv2_2', 'haaa.branches.mlkcc.pairs.2.column', CONV),
    ('attn.spatial_gating_unit.conv3_1', 'haaa.branches.dcc.row', MDCONV),
    ('attn.spatial_gating_unit.conv3_2', 'haaa.branches.dcc.column', MDCONV),
    ('attn.spatial_gating_unit.conv3', 'haaa.fuse', CONV),
    ('attn.proj_2', 'haaa.proj', CONV),
    ('norm2', 'norm2', BATCH_NORM),
    ('DFFN.fc1', 'dffn.expand', CONV),
    ('DFFN.dwconv', 'dffn.conv', CONV),
    ('DFFN.fc2', 'dffn.project', CONV),
]
# Position in our class order -> position in theirs.
CLASS_ORDER = [0, 1, 4, 3, 2]


def convert_released_state_dict(state_dict):
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
    state_dict = {_without_module(name): t for name, t in state_dict.items()}
    names = _new_names(state_dict)
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


def _without_module(name):
    return name[len('module.') :] if name.startswith('module.') else name


def _new_names(old_names):
    """Map each name of a released network of the size of ``old_names`` to ours."""
    names = {}
    for prefix in ('backbone.', ''):
        stages = _largest(prefix, r'(?:patch_embed|block|norm)(\d+)\.', old_names)
        for stage in range(1, stages + 1):
            blocks = 1 + _largest(prefix, rf'block{stage}\.(\d+)\.', old_names)
            names.update(_stage_names(prefix, stage, max(blocks, 1)))
    for prefix in ('decode_head.', ''):
        last = _largest(prefix, r'decoder(\d+)\.', old_names)
        if last >= 0:
            names.update(_head_names(prefix, last))
    return names


def _largest(prefix, number, names):
    """Return the largest number that ``number`` finds after ``prefix``, or -1."""
    matches = (re.match(re.escape(prefix) + number, name) for name in names)
    return max((int(match[1]) for match in matches if match), default=-1)


def _stage_names(prefix, stage, blocks):
    new = f'{prefix}stages.{stage - 1}'
    embed = f'{prefix}patch_embed{stage}'
    names = _layer(f'{prefix}norm{stage}', f'{new}.norm', LAYER_NORM)
    if stage == 1:
        names.update(_layers(f'{embed}.proj', f'{new}.embed', CONV_NORM_TWICE))
    else:
        names.update(_layer(f'{embed}.proj', f'{new}.embed.conv', MDCONV))
        names.update(_layer(f'{embed}.norm', f'{new}.embed.norm', BATCH_NORM))
    for j in range(blocks):
        old_block, new_block = f'{prefix}block{stage}.{j}', f'{new}.blocks.{j}'
        names.update(_layers(old_block, new_block, BLOCK))
        for k in (1, 2):
            names[f'{old_block}.layer_scale_{k}'] = f'{new_block}.layer_scale{k}'
    return names


def _head_names(prefix, last_decoder):
    names = _layer(f'{prefix}conv_seg', f'{prefix}conv_seg', CONV)
    names.update(_layer(f'{prefix}align.conv', f'{prefix}align.conv', ('weight',)))
    names.update(_layer(f'{prefix}align.bn', f'{prefix}align.bn', BATCH_NORM))
    for d in range(2, last_decoder + 1):
        new = f'{prefix}aggregations.{d - 2}.ccbg'
        names.update(_layers(f'{prefix}decoder{d}.layer', new, CONV_NORM_TWICE))
    return names


def _layers(old, new, table):
    names = {}
    for old_layer, new_layer, tensors in table:
        names.update(_layer(f'{old}.{old_layer}', f'{new}.{new_layer}', tensors))
    return names


def _layer(old, new, tensors):
    return {f'{old}.{tensor}': f'{new}.{tensor}' for tensor in tensors}


def _refuse(names, problem):
    if names:
        first, more = min(names), len(names) - 1
        raise InputError(first + (f' and {more} more' if more else '') + f': {problem}')
