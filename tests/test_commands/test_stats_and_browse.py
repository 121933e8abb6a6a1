"""The commands that look at a data set."""

import json

from hacdr_cli import run_command

import numpy as np
import pytest
from PIL import Image

from hacdr.conversion.layout import LAYOUT_VERSION
from hacdr.errors import InputError


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
        layout=LAYOUT_VERSION,
        splits=dict(trainval=1),
        photograph_format='JPEG',
        images=[dict(name='a', subset='train')],
    )
    (tmp_path / 'set' / 'manifest.json').write_text(json.dumps(manifest))
    return tmp_path / 'set'


def call(name, *arguments):
    run_command(name, [str(argument) for argument in arguments])


def test_statistics(root, tmp_path, capsys):
    call('stats', root, '--jobs', 1, '--json', tmp_path / 'a.json')
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines()[1:])) <= 80
    assert 'class_pixels = [5000, 400, 0, 0, 0]' in out
    assert json.loads((tmp_path / 'a.json').read_text())['photographs'] == 1


def test_contact_sheet(root, tmp_path):
    output = tmp_path / 'out'
    call('browse', root, '-o', output, '--width', 120)
    assert Image.open(output / 'sheet_1.png').width > 3 * 120
    # Of an earlier run, of another set perhaps.
    (output / 'sheet_1.png').rename(output / 'sheet_2.png')
    call('browse', root, '-o', output, '--width', 120)
    assert [path.name for path in output.iterdir()] == ['sheet_1.png']


@pytest.mark.parametrize('name', ['sheet_1.png', 'sheet_7.png'])
def test_contact_sheets_of_others_stay(root, tmp_path, name):
    path = tmp_path / 'out' / name
    path.parent.mkdir()
    Image.new('RGB', (4, 4)).save(path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=f'{name}: is there, and not of hacdr browse'):
        call('browse', root, '-o', tmp_path / 'out', '--width', 120)
    assert [each.read_bytes() for each in path.parent.iterdir()] == [before]


def test_contact_sheets_are_not_drawn_into_the_set(root):
    with pytest.raises(InputError, match='is in the converted data set'):
        call('browse', root, '-o', root / 'images')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['browse', 'nowhere'], 'nowhere: no such config file'),
        (['browse', '.', '--number', 0], '--number must be at least 1'),
        (['browse', '.', '--width', 9], '--width must be at least 100'),
        (['stats', 'nowhere'], 'nowhere: not a converted data set'),
        (['stats', '.', '--jobs', 0], '--jobs must be at least 1, got 0'),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(InputError, match=message) as caught:
        call(*arguments)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('command', [('stats', '--json'), ('browse', '-o')])
def test_a_file_where_a_folder_should_be(root, tmp_path, command):
    (tmp_path / 'file').write_text('')
    name, option = command
    with pytest.raises(InputError, match=r'file.*: folder cannot be made'):
        call(name, root, option, tmp_path / 'file' / 'x.json')


def test_wrong_arguments_of_the_benchmark(run_script):
    done = run_script('tools/benchmarks/loading.py', 'nowhere')
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if 'error' in line]
    assert 'expected the root of a converted set' in line
    assert 'Traceback' not in done.stderr
