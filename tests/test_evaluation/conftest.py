import pytest

from .small_predictions import photograph


@pytest.fixture
def scores():
    """Three photographs, none of them with a microaneurysm."""
    return [photograph(seed, absent=(4,)) for seed in range(3)]
