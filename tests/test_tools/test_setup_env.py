import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def setup_env(tmp_path, monkeypatch):
    spec = importlib.util.spec_from_file_location('setup_env', TOOLS / 'setup_env.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'CACHE', tmp_path)
    return module


def stub(folder, name, text):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(0o755)


def find_python(path, *args):
    return subprocess.run(
        ['/bin/sh', str(TOOLS / 'setup_env.sh'), *args],
        env=dict(os.environ, PATH=f'{path}:/usr/bin:/bin'),
        capture_output=True,
        text=True,
    )


def test_a_python_that_does_not_run_is_passed_over(tmp_path):
    for name in ('python3.11', 'python3.10', 'python3.9'):
        stub(tmp_path / 'bin', name, 'echo "command not found" >&2; exit 127')
    stub(tmp_path / 'bin', 'python3.8', 'echo chosen "$@"')
    result = find_python(tmp_path / 'bin', '--which')
    assert result.stdout.startswith('chosen')
    assert result.stdout.strip().endswith('setup_env.py --which')


def test_no_supported_python_is_one_line(tmp_path):
    for name in ('python3.11', 'python3.10', 'python3.9', 'python3.8', 'python3'):
        stub(tmp_path / 'bin', name, 'exit 1')
    result = find_python(tmp_path / 'bin')
    assert result.returncode == 2
    assert result.stderr.startswith('error: no Python 3.8 to 3.11 found')
    assert result.stderr.count('\n') == 1


def test_which_before_setup_is_one_line(tmp_path):
    result = subprocess.run(
        [sys.executable, str(TOOLS / 'setup_env.py'), '--which'],
        env=dict(os.environ, XDG_CACHE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr == 'error: no environment yet; run: make setup\n'


def test_no_compiler(setup_env, tmp_path, monkeypatch):
    monkeypatch.setattr(setup_env.shutil, 'which', lambda name: None)
    with pytest.raises(setup_env.SetupError, match='no C\\+\\+ compiler'):
        setup_env.build(tmp_path / 'env', tmp_path / 'python')


def test_a_full_disk(setup_env, tmp_path, monkeypatch):
    class Usage:
        free = 1e9

    monkeypatch.setattr(setup_env.shutil, 'disk_usage', lambda path: Usage)
    with pytest.raises(setup_env.SetupError, match=r'1\.0 GB free.*needs 8 GB'):
        setup_env.build(tmp_path / 'env', tmp_path / 'python')


def test_no_network(setup_env, tmp_path):
    message = 'NewConnectionError: Temporary failure in name resolution'
    command = ['sh', '-c', f'echo "{message}"; exit 1']
    with pytest.raises(setup_env.SetupError, match='index cannot be reached'):
        setup_env.run(command, tmp_path / 'log')
    assert message in (tmp_path / 'log').read_text()


def test_the_key_follows_the_constraints(setup_env, tmp_path, monkeypatch):
    before = setup_env.key()
    changed = tmp_path / 'constraints.txt'
    changed.write_text(setup_env.CONSTRAINTS.read_text() + 'more==1.0\n')
    monkeypatch.setattr(setup_env, 'CONSTRAINTS', changed)
    assert setup_env.key() != before


def test_an_interrupted_build_goes_on(setup_env, tmp_path, monkeypatch):
    done = []
    environment = tmp_path / 'env'

    def create(folder, log):
        folder.mkdir()
        done.append('create')

    def run(command, log, **kwargs):
        done.append('run')
        if done.count('run') == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(setup_env, 'create', create)
    monkeypatch.setattr(setup_env, 'run', run)
    monkeypatch.setattr(setup_env, 'install_mmcv', lambda *args: done.append('mmcv'))
    monkeypatch.setattr(setup_env, 'check', lambda python: done.append('check'))
    with pytest.raises(KeyboardInterrupt):
        setup_env.build(environment, tmp_path / 'python')
    assert done == ['create', 'run', 'run']
    setup_env.build(environment, tmp_path / 'python')
    assert done == ['create', 'run', 'run', 'run', 'mmcv', 'run', 'check']
