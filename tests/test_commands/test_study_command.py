"""A study by the command a user types, killed in the middle of a training."""

import re
import signal
from pathlib import Path

import pytest
import torch

from hacdr.commands.study import visible_devices
from hacdr.synthetic import generate_dataset

from ..processes import wait_until
from .tiny import write_config

HOOK = """
custom_imports = dict(imports=['tests.test_commands.killed_study'])
custom_hooks = [dict(type='KillStudyHook', before=3)]
"""


@pytest.fixture
def run_study(run_script):
    def run(path, *args):
        result = run_script('tools/run_study.py', path, *args)
        return result.returncode, result.stdout + result.stderr

    return run


def trainings_in(folder):
    """Return the processes that train in a folder."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = path.read_bytes().split(b'\0')
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(int(path.parent.name))
    return found


@pytest.mark.slow
def test_killed_and_resumed(tmp_path, run_study, run_script):
    generate_dataset(str(tmp_path / 'raw'), train=6, test=1, size=(320, 216), jobs=1)
    data, work = tmp_path / 'data', tmp_path / 'work'
    convert = 'tools/convert_datasets/idrid.py', tmp_path / 'raw', '-o', data
    assert run_script(*convert).returncode == 0
    config, study = tmp_path / 'tiny.py', tmp_path / 'study.py'
    write_config(config, data, interval=2, more=HOOK)
    study.write_text(
        f'work_dir = {str(work)!r}\n'
        'iterations = 4\n'
        f'entries = [dict(name="tiny", config={str(config)!r})]\n'
    )
    training = work / 'tiny' / 'seed0' / 'training'

    code, output = run_study(study)
    assert code == -signal.SIGKILL, output
    # It ends with the study.
    wait_until(lambda: not trainings_in(training), 120)
    assert (training / 'latest.pth').resolve().name == 'iter_2.pth'
    assert not (training / 'training.json').exists()

    # What is there is not measured again.
    cost = 'tools/model_cost.py', config, '--json', work / 'tiny' / 'cost.json'
    result = run_script(*cost)
    assert result.returncode == 0, result.stderr
    assert re.search(r'multiply-adds +[\d.]+ G at 216x320', result.stdout)
    code, output = run_study(study)
    assert code == 0, output
    log = (work / 'tiny/seed0/training.log').read_text()
    assert 'resumed from' in log
    assert 'Warning' not in log
    table = (work / 'table.md').read_text()
    assert '| tiny | 1 of 1 |' in table
    assert '| 4 |' in table
    assert (work / 'curves.png').is_file()

    code, output = run_study(study)
    assert code == 0, output
    assert 'training' not in output.replace(str(work), '')

    study.write_text(study.read_text().replace('iterations', 'iteration'))
    code, output = run_study(study)
    assert code == 2
    assert output.splitlines()[-1] == (
        f'error: {study}: unknown key iteration; did you mean iterations?'
    )
    assert 'Traceback' not in output


def test_a_device_that_is_not_there(tmp_path, run_study):
    study = tmp_path / 'study.py'
    study.write_text("entries = [dict(config='configs/hacdr_demo.py')]\n")
    code, output = run_study(study, '--devices', '99')
    assert code == 2
    assert output.splitlines()[-1].startswith('error: --devices 99: expected')


def test_numbers_count_the_gpus_that_may_be_used(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    assert visible_devices(['1', 'cpu']) == ['1', '']
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '2,5')
    assert visible_devices(['1', '0', 'cpu']) == ['5', '2', '']


def test_a_data_set_that_is_not_there_is_told_once(tmp_path, run_study):
    study = tmp_path / 'study.py'
    study.write_text(
        f"work_dir = '{tmp_path}/work'\n"
        f"cfg_options = dict(data_root='{tmp_path}/none')\n"
        "entries = [dict(config='configs/hacdr_demo.py')]\n"
    )
    code, output = run_study(study)
    assert code == 2
    told = [line for line in output.splitlines() if line.startswith('error: ')]
    assert len(told) == 1
    assert f'{tmp_path}/none/splits/train.txt: not found' in told[0]
    assert not (tmp_path / 'work').exists()
