"""Tests marked ``gpu`` need one."""

import pytest
import torch


def pytest_runtest_setup(item):
    if item.get_closest_marker('gpu') and not torch.cuda.is_available():
        pytest.skip('no CUDA device')
