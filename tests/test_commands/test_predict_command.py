"""hacdr predict and hacdr merge, on a tiny network."""

import csv
import json
import os
import shutil

from hacdr_cli import run_command

import pytest

from hacdr.errors import InputError

from ..test_inference import tiny


@pytest.fixture(scope='module')
def network(tmp_path_factory):
    """A folder with configs, weights.pth, eye.jpg and eye.png."""
    folder = tmp_path_factory.mktemp('network')
    tiny.write(folder)
    return folder


@pytest.fixture
def photographs(network, tmp_path):
    folder = tmp_path / 'photographs'
    (folder / 'more').mkdir(parents=True)
    shutil.copy(network / 'eye.jpg', folder / '=left.jpg')
    shutil.copy(network / 'eye.png', folder / 'more' / 'right.png')
    return folder


@pytest.fixture
def predict(network, photographs):
    """Run the command on the photographs; takes the output folder and more."""

    def run(output, *options, weights=network / 'weights.pth'):
        words = photographs, '-o', output, '--weights', weights, '--device', 'cpu'
        run_command('predict', [*map(str, (*words, *options))])

    return run


def merge(*words):
    run_command('merge', [*map(str, words)])


def test_what_a_user_gets(predict, photographs, tmp_path, capsys):
    output = tmp_path / 'out'
    predict(output, '--recursive', '--probabilities', '--format', 'coco', 'labelme')
    printed = capsys.readouterr().out
    assert 'weights: weights.pth (' in printed
    assert 'device: cpu' in printed
    assert 'photographs: 2 predicted, 0 done before' in printed
    assert f'findings of 2 photographs: {output}/findings.csv' in printed
    rows = list(csv.DictReader((output / 'findings.csv').open(encoding='utf-8-sig')))
    assert [row['image'] for row in rows] == ["'=left.jpg", 'more/right.png']
    assert int(rows[0]['EX_number']) > 0
    findings = json.loads((output / 'findings.json').read_text())
    assert len(findings['images'][1]['findings']) > 0
    for name in (
        'coco.json',
        'labelme/=left.json',
        'index.html',
        'more/right_EX.png',
        'more/right_overlay.jpg',
    ):
        assert (output / name).is_file()


def test_what_is_passed_over_is_told_at_the_end(predict, photographs, tmp_path, capsys):
    for name in 'abcdef':
        (photographs / f'{name}.jpg').write_bytes(b'broken')
    with pytest.raises(InputError) as error:
        predict(tmp_path / 'out')
    assert str(error.value) == (
        '6 of 7 photographs were passed over, see above: '
        'a.jpg, b.jpg, c.jpg, d.jpg, e.jpg, ...'
    )
    assert 'a.jpg: photograph cannot be decoded' in capsys.readouterr().err
    # The others are done, the tables are there.
    assert len((tmp_path / 'out' / 'findings.csv').read_text().splitlines()) == 8
    assert (tmp_path / 'out' / 'index.html').is_file()


def test_names_that_no_terminal_should_obey(predict, photographs, tmp_path, capsys):
    good, bad = os.fsdecode(b'\x1b[2J\xff.png'), os.fsdecode(b'\x1b]0;\xfe.png')
    shutil.copy(photographs / 'more' / 'right.png', photographs / good)
    (photographs / bad).write_bytes(b'broken')
    with pytest.raises(
        InputError, match=r'passed over, see above: \\x1b\]0;\\udcfe.png'
    ):
        predict(tmp_path / 'out')
    printed = ''.join(capsys.readouterr())
    assert '\\x1b]0;\\udcfe.png: photograph cannot be decoded' in printed
    assert '\x1b[2J' not in printed
    assert '\x1b]0' not in printed
    assert (tmp_path / 'out' / good).is_file()
    assert (tmp_path / 'out' / 'index.html').is_file()
    for name in ('findings.csv', 'findings.json'):
        assert b'\x1b' not in (tmp_path / 'out' / name).read_bytes()


def test_a_folder_for_results_that_no_terminal_should_obey(predict, tmp_path, capsys):
    for name in (b'out\xff', b'out\n1'):
        output = tmp_path / os.fsdecode(name)
        predict(output, '--format', 'coco', 'labelme', 'geojson')
        predict(output, '--shard', '1/2')
        predict(output)
        merge(output)
        printed = capsys.readouterr().out
        shown = {b'out\xff': r'out\udcff', b'out\n1': r'out\n1'}[name]
        assert f'{shown}/findings.csv' in printed
        assert f'{shown}/index.html' in printed
        assert f'hacdr merge {tmp_path}/{shown}' in printed
        # As a terminal has it.
        printed.encode()


def test_parts(predict, photographs, tmp_path, capsys):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    predict(whole, '--recursive')
    predict(parts, '--recursive', '--shard', '2/2')
    assert f'part 2 of 2 is done; after all of them: hacdr merge {parts}' in (
        capsys.readouterr().out
    )
    assert not (parts / 'findings.csv').exists()
    with pytest.raises(InputError, match='part 1 of 2 of the run has not ended'):
        merge(parts)
    predict(parts, '--recursive', '--shard', '1/2', '--jobs', '1')
    merge(parts, '--format', 'geojson')
    for name in ('findings.csv', 'findings.json', 'index.html', 'more/right.png'):
        assert (whole / name).read_bytes() == (parts / name).read_bytes()
    assert (parts / 'geojson' / 'more' / 'right.geojson').is_file()
    tables = [parts / name for name in ('findings.csv', 'findings.json', 'index.html')]
    before = [path.read_bytes() for path in tables]
    (parts / 'records' / 'more' / 'right.json').write_text('{')
    with pytest.raises(InputError, match=r'more/right\.json: damaged; of 2 records 1 '):
        merge(parts)
    assert [path.read_bytes() for path in tables] == before
    predict(parts, '--recursive')
    assert [path.read_bytes() for path in tables] == before
    with pytest.raises(InputError, match='expected a folder of hacdr predict'):
        merge(photographs)


def test_an_edited_config_is_noticed(predict, network, tmp_path, monkeypatch):
    config, output = tmp_path / 'mine.py', tmp_path / 'out'
    config.write_text(f'_base_ = {str(network / "ours.py")!r}\n')
    predict(output, '--config', config)
    # The same by another path, and as what the weights carry.
    monkeypatch.chdir(tmp_path)
    predict(output, '--config', 'mine.py')
    config.write_text(config.read_text() + 'model = dict(test_cfg=dict(flips=True))\n')
    with pytest.raises(InputError, match=r'other predictions \(config and flips diff'):
        predict(output, '--config', config)
    before = (output / '=left.png').read_bytes()
    predict(output, '--config', config, '--overwrite')
    assert (output / '=left.png').read_bytes() != before


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('--shard', '0/2', 'expected 1/N to N/N'),
        ('--shard', '3/2', 'expected 1/N to N/N'),
        ('--shard', '2', 'expected K/N'),
        ('--jobs', '0', 'expected a number, 1 or more'),
        ('--format', 'voc', 'invalid choice'),
    ],
)
def test_options_that_cannot_be(predict, tmp_path, capsys, option, value, message):
    with pytest.raises(SystemExit) as left:
        predict(tmp_path / 'out', option, value)
    assert left.value.code == 2
    assert message in capsys.readouterr().err


def test_weights_and_devices_that_are_not_there(predict, tmp_path):
    with pytest.raises(InputError, match='nor the name of published ones'):
        predict(tmp_path / 'out', weights='none')
    with pytest.raises(InputError, match='no such device'):
        predict(tmp_path / 'out', '--device', 'cuda:99')
    assert not (tmp_path / 'out').exists()
