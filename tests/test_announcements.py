import os
import subprocess
import sys
import warnings

import pytest
import torch

from hacdr.announcements import silence_training

LOSS = "mmseg.models.losses.CrossEntropyLoss(); print('built')"


def stderr(code, folder):
    result = subprocess.run(
        [sys.executable, '-c', code],
        # A machine with compilers for CUDA, and no GPU.
        env=dict(os.environ, CUDA_HOME=str(folder)),
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stderr


@pytest.mark.skipif(torch.cuda.is_available(), reason='said where there is no GPU')
def test_mmcv_by_itself_says_that_no_cuda_was_found(tmp_path):
    assert 'No CUDA runtime is found' in stderr('import mmcv.utils', tmp_path)


def test_importing_hacdr_says_nothing(tmp_path):
    assert stderr('import hacdr, mmseg.models', tmp_path) == ''


def test_what_a_user_can_mend_is_still_said(tmp_path):
    code = 'import warnings, hacdr; warnings.warn("mend this")'
    assert 'mend this' in stderr(code, tmp_path)


def test_losses_are_silent_in_a_command_only(tmp_path):
    code = 'import hacdr, mmseg.models\n'
    assert 'avg_non_ignore' in stderr(code + LOSS, tmp_path)
    code += 'from hacdr_cli import run\n'
    assert stderr(code + f'run(lambda: exec({LOSS!r}))', tmp_path) == ''


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
        warnings.warn('another', stacklevel=1)
    assert [str(warning.message) for warning in said] == ['another']
