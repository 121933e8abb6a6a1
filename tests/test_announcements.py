"""What is kept from the screen; tests/test_import.py has what importing it says."""

import subprocess
import warnings

import pytest
import torch

from hacdr.announcements import silence_processes, silence_training

# The processes of run_code start without any warning, and have torch loaded.
BUILDER = """
import importlib, torch.utils.cpp_extension
importlib.reload(torch.utils.cpp_extension)
"""
LOSS = """
import sys, warnings
warnings.simplefilter('default')
import hacdr, mmseg.models
from hacdr_cli import run
def build():
    mmseg.models.losses.CrossEntropyLoss()
build()
print('in a command', file=sys.stderr)
mmseg.models.losses.cross_entropy_loss.__warningregistry__.clear()
run(build)
"""


@pytest.mark.skipif(torch.cuda.is_available(), reason='said where there is no GPU')
def test_what_mmcv_imports_says_that_no_cuda_was_found(tmp_path, run_code):
    """On a machine with compilers for CUDA."""
    result = run_code(BUILDER, CUDA_HOME=str(tmp_path))
    assert 'No CUDA runtime is found' in result.stderr


def test_losses_are_silent_in_a_command_only(run_code):
    result = run_code(LOSS)
    assert result.returncode == 0, result.stderr
    before, after = result.stderr.split('in a command\n')
    assert 'avg_non_ignore' in before
    assert after == ''


def test_only_these_warnings_are_left_out():
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        silence_training()
        warnings.warn('Default ``avg_non_ignore`` is False, ...', stacklevel=1)
        for name in ('autocast', 'GradScaler'):
            text = f'`torch.cuda.amp.{name}(args...)` is deprecated. Please use ...'
            warnings.warn(text, FutureWarning, stacklevel=1)
        text = "'pin_memory' argument is set as true but no accelerator is found, ..."
        warnings.warn(text, stacklevel=1)
        warnings.warn('This DataLoader will create 4 worker processes', stacklevel=1)
        warnings.warn('another', stacklevel=1)
    assert [str(warning.message) for warning in said] == ['another']


def test_processes_are_silent_for_a_while(capfd):
    """mmcv asks a shell for the compiler that Python was built by, found or not."""
    ask = ['/bin/sh', '-c', 'no-such-compiler --version']
    with silence_processes():
        subprocess.run(ask)
    assert capfd.readouterr().err == ''
    subprocess.run(ask)
    assert 'no-such-compiler' in capfd.readouterr().err
