import shutil

import pytest

from .tested import Tested, write_test


@pytest.fixture(scope='session')
def written(tmp_path_factory):
    """A test that is only copied: to score twelve photographs takes seconds."""
    return write_test(tmp_path_factory.mktemp('tested'))


@pytest.fixture
def tested(written, tmp_path):
    folder = tmp_path / 'tested'
    shutil.copytree(written.folder, folder)
    copy = Tested(folder)
    text = copy.results.read_text()
    copy.results.write_text(text.replace(str(written.folder), str(folder)))
    return copy
