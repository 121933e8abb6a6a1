"""The data of whole trainings."""

import pytest

from .disturbed_training import write_data


@pytest.fixture(scope='session')
def disturbed_data(tmp_path_factory):
    """What disturbed_training.py trains on."""
    root = tmp_path_factory.mktemp('disturbed')
    write_data(root)
    return root
