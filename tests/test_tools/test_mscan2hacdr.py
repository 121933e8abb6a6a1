import os
import subprocess
import sys
from pathlib import Path

import torch
from mmseg.models.builder import build_backbone

import hacdr  # noqa: F401

ROOT = Path(__file__).parents[2]
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
    result = subprocess.run(
        [
            *(sys.executable, '-W', 'ignore'),
            str(ROOT / 'tools' / 'model_converters' / 'mscan2hacdr.py'),
            *map(str, args),
        ],
        env=dict(os.environ, PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout, result.stderr.strip()


def test_converts_what_a_config_then_loads(tmp_path):
    source, target, config = (tmp_path / name for name in ('a.pth', 'b.pth', 'c.py'))
    weight = torch.randn(8, 1, 5, 5)
    torch.save(
        {'block1.0.attn.spatial_gating_unit.conv0.weight': weight, 'x': weight}, source
    )
    config.write_text(CONFIG.format(kind='HACDR'))
    code, out, err = convert(source, target, '--config', config)
    assert code == 0, err
    lines = out.splitlines()[-7:]
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
        code, _, err = convert(*args)
        assert code == 2
        assert message in err.splitlines()[-1]
        assert 'Traceback' not in err
    assert not target.exists()
