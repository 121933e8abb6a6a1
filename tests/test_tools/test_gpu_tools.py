"""Scripts for GPU machines, as far as a CPU can tell."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

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
    done = run('sh', 'tools/gpu_train.sh', '--join', tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / 'weights.safetensors').read_bytes() == weights


def test_a_damaged_piece_is_noticed(tmp_path):
    write_pieces(tmp_path)
    (tmp_path / 'weights.safetensors.part01').write_bytes(b'x' * 2000)
    assert run('sh', 'tools/gpu_train.sh', '--join', tmp_path).returncode != 0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--data', 'nowhere'], 'nowhere: not a converted data set'),
        (['--minutes'], '--minutes: expected a value'),
        (['--hours', '1'], '--hours: unknown option'),
    ],
)
def test_bad_options_of_the_training(options, message):
    done = run('sh', 'tools/gpu_train.sh', *options)
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
