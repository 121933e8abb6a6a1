import pytest

from .tested import write_test


@pytest.fixture
def tested(tmp_path):
    return write_test(tmp_path)
