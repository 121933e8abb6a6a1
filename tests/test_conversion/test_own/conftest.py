import pytest

from tests.test_conversion.test_own.folder import Folder


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / 'own')
