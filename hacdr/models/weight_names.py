"""Names of MSCAN's weights (SegNeXt), which the released code kept, and ours for them.

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
norm{s}                                    stages.{i}.norm
=========================================  ======================================

What the two have of their own stands in ``mscan_weights`` and ``released_weights``. A
table lists layers: (their name, our name, names of the tensors in it).
"""  # noqa: E501

from __future__ import annotations

import re
from typing import Iterable

CONV = ('weight', 'bias')
MDCONV = ('weight', 'bias', 'conv_offset.weight', 'conv_offset.bias')
LAYER_NORM = ('weight', 'bias')
BATCH_NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')

CONV_NORM_TWICE = [
    ('0', 'conv1', CONV),
    ('1', 'norm1', BATCH_NORM),
    ('3', 'conv2', CONV),
    ('4', 'norm2', BATCH_NORM),
]
BLOCK = [
    ('norm1', 'norm1', BATCH_NORM),
    ('attn.proj_1', 'haaa.cgmd.proj', CONV),
    ('attn.spatial_gating_unit.conv0_1', 'haaa.branches.mlkcc.pairs.0.row', CONV),
    ('attn.spatial_gating_unit.conv0_2', 'haaa.branches.mlkcc.pairs.0.column', CONV),
    ('attn.spatial_gating_unit.conv1_1', 'haaa.branches.mlkcc.pairs.1.row', CONV),
    ('attn.spatial_gating_unit.conv1_2', 'haaa.branches.mlkcc.pairs.1.column', CONV),
    ('attn.spatial_gating_unit.conv2_1', 'haaa.branches.mlkcc.pairs.2.row', CONV),
    ('attn.spatial_gating_unit.conv2_2', 'haaa.branches.mlkcc.pairs.2.column', CONV),
    ('attn.spatial_gating_unit.conv3', 'haaa.fuse', CONV),
    ('attn.proj_2', 'haaa.proj', CONV),
    ('norm2', 'norm2', BATCH_NORM),
]


def strip_module(state_dict: dict) -> dict:
    """Return weights by their names without what a data parallel wrapper adds."""
    return {
        name[len('module.') :] if name.startswith('module.') else name: tensor
        for name, tensor in state_dict.items()
    }


def map_backbone_names(
    names: Iterable[str],
    block: list[tuple],
    embed_conv: tuple[str, ...],
    prefix: str = '',
) -> dict[str, str]:
    """Map the names of a backbone to ours.

    Args:
        names (Iterable[str]): their names; they tell how many stages and blocks there
            are. Others may be among them.
        block (list[tuple]): table of the layers of a block that ``BLOCK`` lacks.
        embed_conv (tuple[str]): tensors of the convolution between two stages.
        prefix (str): of their names and of ours.

    Returns:
        dict[str, str]: theirs to ours, complete; empty if no stage is in ``names``.
    """
    mapped = {}
    stages = find_largest(prefix, r'(?:patch_embed|block|norm)(\d+)\.', names)
    for s in range(1, stages + 1):
        new = f'{prefix}stages.{s - 1}'
        if s == 1:
            embed = CONV_NORM_TWICE
            mapped.update(
                map_layers(f'{prefix}patch_embed1.proj', f'{new}.embed', embed)
            )
        else:
            embed = [('proj', 'conv', embed_conv), ('norm', 'norm', BATCH_NORM)]
            mapped.update(map_layers(f'{prefix}patch_embed{s}', f'{new}.embed', embed))
        for j in range(max(1, 1 + find_largest(prefix, rf'block{s}\.(\d+)\.', names))):
            old_block, new_block = f'{prefix}block{s}.{j}', f'{new}.blocks.{j}'
            mapped.update(map_layers(old_block, new_block, [*BLOCK, *block]))
            for k in (1, 2):
                mapped[f'{old_block}.layer_scale_{k}'] = f'{new_block}.layer_scale{k}'
        for tensor in LAYER_NORM:
            mapped[f'{prefix}norm{s}.{tensor}'] = f'{new}.norm.{tensor}'
    return mapped


def map_layers(old: str, new: str, table: Iterable[tuple]) -> dict[str, str]:
    """Map the names of a table's layers, theirs below ``old``, ours below ``new``."""
    return {
        f'{old}.{old_layer}.{tensor}': f'{new}.{new_layer}.{tensor}'
        for old_layer, new_layer, tensors in table
        for tensor in tensors
    }


def find_largest(prefix: str, number: str, names: Iterable[str]) -> int:
    """Return the largest number that ``number`` finds after ``prefix``, or -1."""
    matches = (re.match(re.escape(prefix) + number, name) for name in names)
    return max((int(match[1]) for match in matches if match), default=-1)
