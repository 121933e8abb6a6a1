"""What tests need of a machine, said where it is not there."""

# Before torch is loaded: tests run beside each other.
import hacdr_cli  # noqa: F401

import pytest
import torch
from mmcv import _ext


def pytest_runtest_setup(item):
    if item.get_closest_marker('mmcv_operators') and not getattr(
        _ext, 'OPERATORS', True
    ):
        pytest.skip('mmcv is here without its compiled operators')
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('no CUDA device')
