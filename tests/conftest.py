"""What tests need of a machine, said where it is not there; commands as processes.

Nothing here loads torch before tests are collected: pytest-xdist's controller, which
collects none, starts its workers at once.
"""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

# Before torch is loaded: tests run beside each other.
import hacdr_cli  # noqa: F401

import pytest

from tests.command_server import skip_pauses

pytest_plugins = ['tests.data_set_fixtures']

ROOT = Path(__file__).parents[1]
if not [*Path('/dev').glob('nvidia[0-9]*')]:
    # Triton's kernels run in its interpreter. It reads this when it is imported, which
    # torch may do.
    os.environ.setdefault('TRITON_INTERPRET', '1')

# What nearly every command loads, other than hacdr.
LOADED_ONCE = 'mmseg.apis', 'cv2', 'matplotlib.pyplot', 'numba', 'scipy.optimize'
IMPORTED_ANEW = """
import sys, warnings
warnings.resetwarnings()
for kind in DeprecationWarning, PendingDeprecationWarning, ImportWarning:
    warnings.simplefilter('ignore', kind)
for name in [*sys.modules]:
    if name.split('.')[0] in ('mmcv', 'mmseg') or name == 'torch.utils.cpp_extension':
        del sys.modules[name]
"""


def pytest_collection_modifyitems(items):
    """Long ones first: at the end of a run no worker is left alone with one."""
    items.sort(key=lambda item: item.get_closest_marker('slow') is None)


def pytest_collection_finish():
    skip_pauses()
    # As mmseg's tools and ours do; by itself Python 3.14 would start workers anew.
    multiprocessing.set_start_method('fork', force=True)


def pytest_runtest_setup(item):
    import torch
    from mmcv import _ext

    if item.get_closest_marker('mmcv_operators') and not getattr(
        _ext, 'OPERATORS', True
    ):
        pytest.skip('mmcv is here without its compiled operators')
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('no CUDA device')


# --- commands as processes --------------------------------------------------------


@pytest.fixture(scope='session')
def start_processes():
    """Fork commands: takes and returns what command_server.py reads and prints.

    mmcv looks for a GPU when it is loaded, and what is forked then could not use it.
    """
    import torch

    loaded = () if torch.cuda.is_available() else LOADED_ONCE
    server = str(ROOT / 'tests' / 'command_server.py')
    with subprocess.Popen(
        [sys.executable, '-W', 'ignore', server, *loaded],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def start(commands):
            process.stdin.write(json.dumps(commands) + '\n')
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        yield start


@pytest.fixture
def run_together(tmp_path_factory, start_processes):
    """Run Python scripts at the same time, each as a user's command.

    ``run_together([script, *args], ...)``, with paths from the root of the repository,
    where they run too if no other ``folder`` is given. Further variables of the
    environment go by keyword. Returns a list of ``subprocess.CompletedProcess`` with
    the output as text.
    """

    def run(*commands, folder=ROOT, **variables):
        outputs = tmp_path_factory.mktemp('output')
        environment = dict(os.environ, PYTHONPATH=str(ROOT), **variables)
        commands = [
            dict(
                argv=[str(ROOT / script), *map(str, args)],
                environment=environment,
                folder=str(folder),
                stdout=str(outputs / f'{i}.out'),
                stderr=str(outputs / f'{i}.err'),
            )
            for i, (script, *args) in enumerate(commands)
        ]
        return [
            subprocess.CompletedProcess(
                command['argv'],
                code,
                Path(command['stdout']).read_text(),
                Path(command['stderr']).read_text(),
            )
            for command, code in zip(commands, start_processes(commands))
        ]

    return run


@pytest.fixture
def run_script(run_together):
    """As ``run_together``, for one: ``run_script(script, *args, **variables)``."""

    def run(*command, **variables):
        (result,) = run_together(command, **variables)
        return result

    return run


@pytest.fixture
def run_code_anew(run_code):
    """As ``run_code``, for code that has to import mmcv and mmseg itself.

    Warnings are printed as by a user's Python.
    """

    def run(code, **variables):
        return run_code(IMPORTED_ANEW + code, **variables)

    return run


@pytest.fixture
def run_code(tmp_path_factory, run_script):
    """As ``run_script``, for a text: ``run_code(code, **variables)``.

    For code to which it does not matter that torch and mmseg are loaded before it.
    """

    def run(code, **variables):
        script = tmp_path_factory.mktemp('code') / 'code.py'
        script.write_text(code)
        return run_script(script, **variables)

    return run
