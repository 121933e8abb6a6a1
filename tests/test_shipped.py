"""Configs, tools and weights that come with the package."""

import re
import subprocess
import sys
from pathlib import Path

from hacdr_cli import run_command

import pytest
import yaml

from hacdr.errors import InputError
from hacdr.shipped import find_config, find_shipped, list_configs

ROOT = Path(__file__).parents[1]


def hacdr_config(capsys, *arguments):
    run_command('config', [str(one) for one in arguments])
    return capsys.readouterr().out.splitlines()


def test_the_list_has_what_can_be_trained(capsys):
    listed = hacdr_config(capsys)
    assert {'hacdr_idrid', 'hacdr_idrid_cpu', 'baselines/unet'} <= {*listed}
    assert not any(name.startswith('_base_') for name in listed)
    assert all(Path(find_config(name)).is_file() for name in listed)


def test_a_name_stands_for_a_file_and_a_file_for_itself(capsys, tmp_path, monkeypatch):
    assert hacdr_config(capsys, 'hacdr_idrid') == [find_config('hacdr_idrid')]
    monkeypatch.chdir(tmp_path)
    Path('hacdr_idrid.py').write_text('')
    assert find_config('hacdr_idrid.py') == 'hacdr_idrid.py'
    assert find_config('hacdr_ddr.py') == find_config('hacdr_ddr')


def test_a_file_that_can_be_no_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('hacdr_idrid').write_text('')
    assert find_config('hacdr_idrid') != 'hacdr_idrid'
    Path('latest.pth').write_text('')
    message = r'latest\.pth: no config file, expected a name that ends in \.py, \.json'
    with pytest.raises(InputError, match=message):
        find_config('latest.pth')


@pytest.mark.parametrize('name', ['hacdr_idrib', '_base_/models/hacdr', '../setup', ''])
def test_a_name_that_stands_for_nothing(name):
    with pytest.raises(InputError, match=f'^{name}: no such config'):
        find_config(name)


def test_what_this_installation_lacks():
    with pytest.raises(InputError, match=r'gone is missing in this installation'):
        find_shipped('gone')


@pytest.mark.parametrize('name', ['hacdr_idrid_gpu', 'baselines/segformer_b0'])
def test_a_copy_is_whole_and_equal(capsys, tmp_path, name):
    """Bases of bases are copied too, and nothing else."""
    from hacdr.engine.config import load_config

    for _ in range(2):
        (copy,) = hacdr_config(capsys, name, '--copy', '-o', tmp_path / 'mine')
    assert Path(copy) == tmp_path / 'mine' / f'{name}.py'
    assert load_config(copy)._cfg_dict == load_config(name)._cfg_dict
    assert not (tmp_path / 'mine' / 'hacdr_demo.py').exists()


def test_a_copy_replaces_nothing(capsys, tmp_path):
    (tmp_path / '_base_').mkdir()
    edited = tmp_path / '_base_' / 'default_runtime.py'
    edited.write_text('edited = True')
    with pytest.raises(InputError, match=r'default_runtime\.py: is there with another'):
        run_command('config', ['hacdr_idrid', '--copy', '-o', str(tmp_path)])
    assert edited.read_text() == 'edited = True'
    assert [path for path in tmp_path.rglob('*') if path.is_file()] == [edited]


def test_a_copy_needs_a_folder(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='folder cannot be made'):
        run_command('config', ['hacdr_idrid', '--copy', '-o', str(tmp_path / 'file')])


def test_only_what_comes_with_the_package_is_copied(tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text('a = 1')
    with pytest.raises(InputError, match='comes with hacdr'):
        run_command('config', [str(mine), '--copy', '-o', str(tmp_path / 'out')])


# --- the wheel --------------------------------------------------------------------


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    """Build what a wheel holds."""
    folder = tmp_path_factory.mktemp('built')
    command = [sys.executable, 'setup.py', '-q', 'build', '-b', folder / 'build']
    subprocess.run([*command, 'build_py', '-d', folder / 'lib'], cwd=ROOT, check=True)
    return folder / 'lib'


def test_a_wheel_has_what_users_need_and_no_more(built):
    mim = built / 'hacdr' / '.mim'
    for folder in ('configs', 'weights'):
        expected = [path for path in (ROOT / folder).rglob('*.*') if path.is_file()]
        there = [path for path in (mim / folder).rglob('*.*') if path.is_file()]
        assert sorted(path.relative_to(mim) for path in there) == sorted(
            path.relative_to(ROOT)
            for path in expected
            if '__pycache__' not in path.parts
        )
    tools = {
        path.relative_to(mim / 'tools').as_posix()
        for path in (mim / 'tools').rglob('*.*')
    }
    assert {'train.py', 'test.py', 'convert_datasets/idrid.py'} <= tools
    assert not {name for name in tools if name.startswith(('bench', 'setup', 'env'))}
    pages = ROOT / 'hacdr' / 'report' / 'page'
    for path in pages.iterdir():
        assert (built / path.relative_to(ROOT)).is_file()
    assert not (built / 'tests').exists()


def test_a_release_lets_mim_download_the_weights(tmp_path):
    for path in ROOT.iterdir():
        if path.name not in ('setup.py', 'build'):
            (tmp_path / path.name).symlink_to(path)
    script = (ROOT / 'setup.py').read_text()
    home = 'https://example.org/us/hacdr'
    script, count = re.subn('(?m)^HOME = .*$', f'HOME = {home!r}', script)
    assert count == 1
    (tmp_path / 'setup.py').write_text(script)
    command = [sys.executable, 'setup.py', '-q', 'build', '-b', 'built']
    command += ['build_py', '-d', 'built/lib']
    subprocess.run(command, cwd=tmp_path, check=True)
    metafile = tmp_path / 'built/lib/hacdr/.mim/configs/metafile.yml'
    for model in yaml.safe_load(metafile.read_text())['Models']:
        address = f'{home}/raw/v[0-9.]+/weights/{model["Name"]}.safetensors'
        assert re.fullmatch(address, model['Weights'])


def test_away_from_the_repository_configs_are_found(built, tmp_path, run_script):
    script = built / 'command.py'
    script.write_text('import hacdr_cli\nhacdr_cli.main()\n')
    result = run_script(script, 'config', 'hacdr_idrid', folder=tmp_path)
    expected = built / 'hacdr' / '.mim' / 'configs' / 'hacdr_idrid.py'
    assert result.stdout.splitlines() == [str(expected)], result.stderr


# --- the model zoo ----------------------------------------------------------------


def read_metafiles():
    index = yaml.safe_load((ROOT / 'model-index.yml').read_text())
    return [yaml.safe_load((ROOT / name).read_text()) for name in index['Import']]


def test_the_model_index_names_every_file_of_weights():
    models = [model for metafile in read_metafiles() for model in metafile['Models']]
    named = {ROOT / model['Weights'] for model in models}
    assert named == {*(ROOT / 'weights').glob('*.safetensors')}
    for model in models:
        assert (ROOT / model['Config']).is_file()
        assert model['Name'] in list_configs()


def test_the_model_index_says_what_the_cards_say():
    """A card's figures are those that stand beside their command."""
    for metafile in read_metafiles():
        for model in metafile['Models']:
            card = (ROOT / model['Weights']).with_suffix('.md').read_text()
            (result,) = model['Results']
            metrics = result['Metrics']
            # Of several tables the first.
            rows = {
                line.split('|')[1].strip(): line
                for line in reversed(card.splitlines())
                if line.startswith('| ')
            }
            for lesion in ('EX', 'HE', 'SE', 'MA'):
                assert f'| {metrics[f"AUPR {lesion}"] / 100:.3f} (' in rows[lesion]
            assert f'| {metrics["mAUPR"] / 100:.3f} (' in rows['mean']
            assert f'| {metrics["mDice"] / 100:.3f} (' in rows['mean']
