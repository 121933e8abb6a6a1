"""Scripts for GPU machines, as far as a CPU can tell."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import wait_until

ROOT = Path(__file__).parents[2]


def run(*command):
    return subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True
    )


def write_pieces(folder):
    weights = bytes(range(256)) * 20
    for number in range(3):
        part = weights[number * 2000 : number * 2000 + 2000]
        (folder / f'weights.safetensors.part0{number}').write_bytes(part)
    digest = hashlib.sha256(weights).hexdigest()
    (folder / 'weights.sha256').write_text(f'{digest}  weights.safetensors\n')
    return weights


def test_pieces_are_joined(tmp_path):
    weights = write_pieces(tmp_path)
    done = run('bash', 'tools/gpu_train.sh', '--join', tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'weights.safetensors').read_bytes() == weights


def test_a_damaged_piece_is_noticed(tmp_path):
    write_pieces(tmp_path)
    (tmp_path / 'weights.safetensors.part01').write_bytes(b'x' * 2000)
    assert run('bash', 'tools/gpu_train.sh', '--join', tmp_path).returncode != 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--data', 'nowhere'], 'nowhere: not a converted data set'),
        (['--minutes'], '--minutes: expected a value'),
        (['--hours', '1'], '--hours: unknown option'),
    ],
)
def test_bad_options_of_the_training(options, message):
    done = run('bash', 'tools/gpu_train.sh', *options)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ([], 'expected a study file'),
        (['--minutes'], '--minutes: expected a value'),
        (['--minutes', '0.5', 'a.py'], '0.5: expected a whole number from 1'),
        (['--at-a-time', 'x', 'a.py'], 'x: expected a whole number from 1'),
        (['--device', '1', 'a.py'], '--device 1: expected cpu'),
        (['--hours', '1'], '--hours: unknown option'),
    ],
)
def test_bad_options_of_studies(options, message):
    done = run('bash', 'tools/gpu_study.sh', *options)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_study_that_is_not_there(tmp_path):
    options = ['--device', 'cpu', '--out', tmp_path, 'none.py']
    done = run(
        'env', f'PYTHON={sys.executable}', 'bash', 'tools/gpu_study.sh', *options
    )
    assert done.returncode == 2
    assert 'error: none.py: no such config file' in done.stdout
    assert 'Traceback' not in done.stderr


def test_the_benchmark_of_a_gpu_runs_dry_on_a_cpu(tmp_path, run_script):
    path = tmp_path / 'figures.json'
    done = run_script('tools/benchmark.py', '--dry-run', '--quick', '--json', path)
    assert done.returncode == 0, done.stderr
    *_, tables, goals = done.stdout.rstrip().split('\n\n')
    wide = [line for line in f'{tables}\n{goals}'.splitlines() if len(line) > 80]
    assert not wide
    figures = json.loads(path.read_text())
    assert {row['mode'] for row in figures['steps']} == {'float32', 'bfloat16'}
    assert len(goals.splitlines()) == 1 + len(figures['goals'])
    for row in figures['layers']:
        assert {'ours', 'floor', 'torchvision'} <= {*row['both ways']}
        assert all(ms > 0 for ms in row['both ways'].values())
    table = run_script('tools/benchmark.py', '--table', path).stdout
    assert f'| {figures["goals"][0][0]} |' in table


@pytest.mark.parametrize('name', ['gpu_check', 'gpu_study', 'gpu_train', 'dist_train'])
def test_help_of_scripts(name):
    done = run('bash', f'tools/{name}.sh', '--help')
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) > 2
    assert done.stderr == ''


# Stands in for the Python that trains: whoever waits for it is told to end.
SLOW = '#!/bin/sh\ncase "$*" in *train.py*|*study*) ;; *) exit ;; esac\n' + (
    'echo $$ >"$TOLD"; trap "echo ended >>$TOLD; exit" TERM\n'
    'while :; do sleep 0.1; done\n'
)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    'arguments', [['gpu_train.sh', '--dry-run'], ['gpu_study.sh', 'a.py']]
)
def test_nothing_is_left_on_the_card(tmp_path, arguments, number):
    """The training is told to end, and may save, before the script is gone."""
    python, told = tmp_path / 'a python', tmp_path / 'told'
    python.write_text(SLOW)
    python.chmod(0o755)
    data = tmp_path / 'a set' / 'splits'
    data.mkdir(parents=True)
    for split in ('train', 'val'):
        (data / f'{split}.txt').write_text('a.jpg\n')
    name, *rest = arguments
    if name == 'gpu_train.sh':
        rest += ['--data', data.parent]
    script = subprocess.Popen(
        ['bash', ROOT / 'tools' / name, '--out', tmp_path / 'out', *rest],
        env={**os.environ, 'PYTHON': str(python), 'TOLD': str(told)},
        stdout=subprocess.DEVNULL,
        # Where the tests run in the background, a shell could not trap it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        start_new_session=True,
    )
    try:
        wait_until(told.exists, 60)
        script.send_signal(number)
        assert script.wait(30) == 128 + number
        assert told.read_text().split()[1:] == ['ended']
    finally:
        if script.poll() is None:
            os.killpg(script.pid, signal.SIGKILL)


def test_a_training_that_is_there_is_not_written_over(tmp_path):
    shutil.copytree(ROOT / 'tools', tmp_path / 'tools')
    work = tmp_path / 'work_dirs/gpu_train'
    (tmp_path / 'data/splits').mkdir(parents=True)
    work.mkdir(parents=True)
    (tmp_path / 'data/splits/train.txt').write_text('a.jpg\n')
    (work / 'iter_1.pth').write_text('weights')
    done = run('bash', tmp_path / 'tools/gpu_train.sh', '--data', 'data')
    assert done.returncode == 2
    assert 'holds a training' in done.stderr
    assert (work / 'iter_1.pth').read_text() == 'weights'
