import re

from hacdr_cli import run_command

import pytest
import torch
from mmseg.models.builder import build_backbone

from hacdr.errors import InputError

CONFIG = """
model = dict(
    backbone=dict(
        type={kind!r},
        embed_dims=(8, 8),
        depths=(1, 1),
        ffn_ratios=(2, 2),
        out_indices=(0, 1),
    )
)
"""


def convert(*args):
    run_command('mscan2hacdr', [str(argument) for argument in args])


def test_converts_what_a_config_then_loads(tmp_path, capsys):
    source, target, config = (tmp_path / name for name in ('a.pth', 'b.pth', 'c.py'))
    weight = torch.randn(8, 1, 5, 5)
    torch.save(
        {'block1.0.attn.spatial_gating_unit.conv0.weight': weight, 'x': weight}, source
    )
    config.write_text(CONFIG.format(kind='HACDR'))
    convert(source, target, '--config', config)
    lines = capsys.readouterr().out.splitlines()[-7:]
    assert lines[0].split(' (')[0].split() == ['1', 'taken', 'from', 'MSCAN']
    assert lines[4].split()[0] == '1'
    assert "does not compute MSCAN's" in lines[5]
    backbone = build_backbone(
        dict(
            type='HACDR',
            embed_dims=(8, 8),
            depths=(1, 1),
            ffn_ratios=(2, 2),
            out_indices=(0, 1),
            init_cfg=dict(type='Pretrained', checkpoint=str(target)),
        )
    )
    backbone.init_weights()
    block = backbone.stages[0].blocks[0].haaa
    assert torch.equal(block.cgmd.conv.weight, 2 * weight)
    assert not block.branches['dcc'].column.weight.any()
    assert block.branches['dcc'].row.weight.any()


def test_bad_input_is_one_line(tmp_path):
    target, config = tmp_path / 'b.pth', tmp_path / 'c.py'
    torch.save({'x': torch.zeros(1)}, tmp_path / 'other.pth')
    config.write_text(CONFIG.format(kind='UNet'))
    for args, message in (
        ((tmp_path / 'none.pth', target), 'no such checkpoint file'),
        ((tmp_path / 'other.pth', target), 'no weights of MSCAN'),
        ((tmp_path / 'other.pth', target, '--config', config), 'expected HACDR'),
    ):
        with pytest.raises(InputError, match=re.escape(message)) as caught:
            convert(*args)
        assert '\n' not in str(caught.value)
    assert not target.exists()
