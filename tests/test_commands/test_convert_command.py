from pathlib import Path

from hacdr_cli import run_command

import numpy as np
import pytest
from PIL import Image

from hacdr.errors import InputError

TOOLS = Path(__file__).parents[2] / 'tools' / 'convert_datasets'


@pytest.fixture
def download(tmp_path):
    """One photograph with one mask."""
    top = tmp_path / 'download' / 'A. Segmentation'
    subset = 'a. Training Set'
    photograph = top / '1. Original Images' / subset / 'IDRiD_07.jpg'
    masks = top / '2. All Segmentation Groundtruths' / subset
    mask = masks / '3. Hard Exudates' / 'IDRiD_07_EX.tif'
    for path, mode in ((photograph, 'RGB'), (mask, 'L')):
        path.parent.mkdir(parents=True)
        Image.fromarray(np.eye(32, dtype=np.uint8) * 255).convert(mode).save(path)
    return tmp_path / 'download'


def convert(*arguments):
    run_command('convert', [str(argument) for argument in arguments])


@pytest.fixture
def command(tmp_path):
    def call(source, *options):
        output = '-o', tmp_path / 'out', '--jobs', 1
        convert('idrid', source, *options, *output)

    return call


def test_report(download, command, tmp_path, capsys):
    command(download)
    out, err = capsys.readouterr()
    assert 'train: 1 photograph\n' in out
    rows = [line.split() for line in out.splitlines()]
    assert ['EX', '1', '32', '1', '1', '0'] in rows
    assert max(map(len, out.replace(str(tmp_path), '').splitlines())) <= 80
    assert 'warning: photographs missing from the official set: train 1-6, 8-' in err
    command(download)
    assert (
        'already converted from the same files, nothing to do'
        in capsys.readouterr().out
    )


def test_strict_fails_where_files_are_missing(download, command, tmp_path):
    with pytest.raises(InputError, match=r'train 1-6, 8-54; test 55-81 \(--strict\)'):
        command(download, '--strict')
    assert not (tmp_path / 'out').exists()


def test_max_side(download, command, tmp_path, capsys):
    command(download, '--max-side', '16')
    label = Image.open(tmp_path / 'out' / 'labels' / 'train' / 'IDRiD_07.png')
    assert label.size == (16, 16)


def test_check(download, command, tmp_path, capsys):
    command(download)
    check = '--check', tmp_path / 'out', '--jobs', 1
    convert('idrid', *check)
    assert '1 photograph checked, no problem' in capsys.readouterr().out
    (tmp_path / 'out' / 'labels' / 'train' / 'IDRiD_07.png').unlink()
    with pytest.raises(InputError, match='1 problem, convert it again'):
        convert(*check)
    assert capsys.readouterr().out == (
        'labels/train/IDRiD_07.png: cannot be read (No such file or directory)\n'
    )


@pytest.mark.parametrize(
    'arguments',
    [[], ['x'], ['-o', 'x'], ['x', '--check', 'y'], ['--check', 'x', '-o', 'y']],
    ids=' '.join,
)
def test_arguments_that_make_no_sense(arguments):
    with pytest.raises(InputError, match='expected SOURCE and -o OUTPUT, or --check'):
        convert('idrid', *arguments)


def test_a_data_set_that_nobody_knows(capsys):
    with pytest.raises(SystemExit) as error:
        convert('messidor', 'x', '-o', 'y')
    assert error.value.code == 2
    assert "invalid choice: 'messidor'" in capsys.readouterr().err


@pytest.fixture
def eyes(tmp_path):
    """Three photographs of one's own, each with a mask."""
    for name in ('1_left', '2_left', '3_left'):
        for folder, mode in (('images', 'RGB'), ('masks/hard exudates', 'L')):
            path = tmp_path / 'eyes' / folder / f'{name}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.eye(32, dtype=np.uint8) * 255).convert(mode).save(path)
    return tmp_path / 'eyes'


def test_data_of_ones_own(eyes, tmp_path, capsys):
    convert('masks', eyes, '-o', tmp_path / 'out', '--jobs', 1)
    out = capsys.readouterr().out
    assert '1 train, 1 val, 1 test; 3 patients by the photographs' in out
    classes = '--classes', 'Bright=hard exudates'
    with pytest.raises(InputError, match='holds the classes EX, HE, SE, MA; choose'):
        convert('masks', eyes, '-o', tmp_path / 'out', *classes)
    convert('masks', eyes, '-o', tmp_path / 'new', '--jobs', 1, *classes)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ['Bright', '2', '64', '2', '2', '0'] in rows


def test_an_output_among_the_photographs(eyes):
    with pytest.raises(InputError, match=r'out: lies in .*eyes, where the next run'):
        convert('masks', eyes, '-o', eyes / 'out')


@pytest.mark.parametrize(
    'option',
    [
        ('--classes', 'EX'),
        ('--photographs', 'x'),
        ('--labels', 'x'),
        ('--soft-masks',),
        ('--patient', '(.)'),
    ],
    ids=lambda option: option[0],
)
def test_options_for_data_of_ones_own(download, tmp_path, option):
    message = f"^{option[0]} is for data of one's own .*, not for idrid$"
    with pytest.raises(InputError, match=message):
        convert('idrid', download, '-o', tmp_path / 'out', *option)


@pytest.mark.parametrize('tool', sorted(TOOLS.glob('*.py')), ids=lambda path: path.stem)
def test_bad_input_is_one_line_and_exit_code_two(tool, tmp_path, run_script):
    (tmp_path / 'holiday.jpg').write_bytes(b'')
    done = run_script(tool, tmp_path, '-o', tmp_path / 'out')
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f'error: {tmp_path}: ')
    assert 'looked for' in last
    assert 'Traceback' not in done.stderr
    assert not (tmp_path / 'out').exists()
