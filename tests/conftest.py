"""What tests need of a machine, said where it is not there."""

import pytest
from mmcv import _ext


def pytest_runtest_setup(item):
    if item.get_closest_marker('mmcv_operators') and not getattr(
        _ext, 'OPERATORS', True
    ):
        pytest.skip('mmcv is here without its compiled operators')
