"""Lets the tests of this folder import its helpers; the data of whole trainings."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope='session')
def disturbed_data(tmp_path_factory):
    """What disturbed_training.py trains on."""
    from disturbed_training import write_data

    root = tmp_path_factory.mktemp('disturbed')
    write_data(root)
    return root
