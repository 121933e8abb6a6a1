"""The command lines of the tools that look at a data set."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def root(tmp_path):
    label = np.zeros((60, 90), np.uint8)
    label[20:40, 30:50] = 1
    for folder, values, suffix in (
        ('images', np.full((60, 90, 3), 100, np.uint8), 'jpg'),
        ('labels', label, 'png'),
        ('masks', label, 'png'),
    ):
        path = tmp_path / 'set' / folder / 'train' / f'a.{suffix}'
        path.parent.mkdir(parents=True)
        Image.fromarray(values).save(path)
    (tmp_path / 'set' / 'splits').mkdir()
    (tmp_path / 'set' / 'splits' / 'trainval.txt').write_text('a\n')
    manifest = dict(
        layout=1, splits=dict(trainval=1), images=[dict(name='a', subset='train')]
    )
    (tmp_path / 'set' / 'manifest.json').write_text(json.dumps(manifest))
    return tmp_path / 'set'


def call(tool, *arguments):
    command = [sys.executable, str(TOOLS / tool), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def errors(done):
    return [line for line in done.stderr.splitlines() if 'error' in line]


def test_statistics(root, tmp_path):
    done = call('dataset_stats.py', root, '--jobs', 1, '--json', tmp_path / 'a.json')
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines()[1:])) <= 80
    assert 'class_pixels = [5000, 400, 0, 0, 0]' in done.stdout
    assert json.loads((tmp_path / 'a.json').read_text())['photographs'] == 1


def test_contact_sheet(root, tmp_path):
    done = call('browse_dataset.py', root, '-o', tmp_path / 'out', '--width', 120)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (tmp_path / 'out').iterdir()] == ['sheet_1.png']
    assert Image.open(tmp_path / 'out' / 'sheet_1.png').width > 3 * 120


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['browse_dataset.py', 'nowhere'], 'nowhere: no such config file'),
        (['browse_dataset.py', '.', '--number', 0], '--number must be at least 1'),
        (['browse_dataset.py', '.', '--width', 9], '--width must be at least 100'),
        (['dataset_stats.py', 'nowhere'], 'nowhere: not a converted data set'),
        (['dataset_stats.py', '.', '--jobs', 0], '--jobs must be at least 1, got 0'),
        (['benchmarks/loading.py', 'nowhere'], 'expected the root of a converted set'),
    ],
)
def test_wrong_arguments(arguments, message):
    done = call(*arguments)
    assert done.returncode == 2
    assert len(errors(done)) == 1
    assert message in errors(done)[0]
    assert 'Traceback' not in done.stderr
