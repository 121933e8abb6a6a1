import sys
from pathlib import Path

from hacdr_cli import main

import numpy as np
import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def convert(monkeypatch):
    def call(*args):
        monkeypatch.setattr(sys, 'argv', ['hacdr', 'released2hacdr', *map(str, args)])
        main()

    return call


def released():
    with np.load(ROOT / 'tests' / 'data' / 'released_network.npz') as arrays:
        return {
            'module.' + name.replace('/', '.'): torch.from_numpy(arrays[name])
            for name in arrays.files
            if name.startswith('backbone/')
        }


def test_converts(tmp_path, convert):
    checkpoint = {'meta': {'iter': 40000}, 'state_dict': released(), 'optimizer': {}}
    torch.save(checkpoint, tmp_path / 'released.pth')
    convert(tmp_path / 'released.pth', tmp_path / 'ours.pth')
    ours = torch.load(tmp_path / 'ours.pth')
    assert ours['meta']['CLASSES'] == ('background', 'EX', 'HE', 'SE', 'MA')
    assert 'backbone.stages.0.embed.conv1.weight' in ours['state_dict']
    assert sorted(p.name for p in tmp_path.iterdir()) == ['ours.pth', 'released.pth']


def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, convert, capsys):
    (tmp_path / 'text.pth').write_text('hello')
    torch.save([1, 2], tmp_path / 'list.pth')
    torch.save({'state_dict': {'a': torch.zeros(1)}}, tmp_path / 'other.pth')
    good = tmp_path / 'good.pth'
    torch.save(released(), good)
    (tmp_path / 'cut.pth').write_bytes(good.read_bytes()[:5000])
    target = tmp_path / 'out.pth'
    for source, out, message in [
        ('none.pth', target, 'no such checkpoint'),
        ('text.pth', target, 'not a readable checkpoint'),
        ('cut.pth', target, 'not a readable checkpoint'),
        ('list.pth', target, 'a list, expected a dict'),
        ('other.pth', target, 'no weights of the released network'),
        ('good.pth', tmp_path / 'nowhere' / 'out.pth', 'no folder'),
    ]:
        with pytest.raises(SystemExit) as stop:
            convert(tmp_path / source, out)
        err = capsys.readouterr().err
        assert stop.value.code == 2, source
        assert message in err
        assert len(err.strip().splitlines()) == 1
    assert not [p for p in tmp_path.iterdir() if 'out' in p.name or 'tmp' in p.name]
