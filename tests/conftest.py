"""What tests need of a machine, said where it is not there."""

import os

# Before torch is loaded: tests run beside each other.
import hacdr_cli  # noqa: F401

import pytest
import torch
from mmcv import _ext

if not torch.cuda.is_available():
    # Triton's kernels then run in its interpreter. It reads this when it is imported.
    os.environ.setdefault('TRITON_INTERPRET', '1')


def pytest_runtest_setup(item):
    if item.get_closest_marker('mmcv_operators') and not getattr(
        _ext, 'OPERATORS', True
    ):
        pytest.skip('mmcv is here without its compiled operators')
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('no CUDA device')
