import os
import subprocess
import sys
from pathlib import Path

import pytest

from hacdr.apis import describe_environment
from hacdr.errors import InputError

TOOL = Path(__file__).parents[2] / 'tools' / 'check_env.py'


def test_it_names_versions_and_kernels(monkeypatch):
    monkeypatch.delenv('HACDR_MDCONV', raising=False)
    lines = describe_environment()
    assert lines['mmcv'].startswith('1.')
    assert lines['compiled operators of mmcv'] == 'load and compute'
    assert lines['kernel on cpu'] == 'numba'


def test_a_kernel_that_is_none_is_an_input_error(monkeypatch):
    monkeypatch.setenv('HACDR_MDCONV', 'fast')
    with pytest.raises(InputError, match="got 'fast'"):
        describe_environment()


def test_the_tool_prints_a_line_each():
    result = subprocess.run(
        [sys.executable, '-W', 'ignore', str(TOOL)],
        env=dict(os.environ, HACDR_MDCONV='torch'),
        capture_output=True,
        text=True,
        check=True,
    )
    assert 'kernel on cpu:              torch' in result.stdout.splitlines()
