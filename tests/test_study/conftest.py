"""Studies of a config that is never trained, with figures made up by the tests."""

import json

import pytest

from hacdr.study import execution, read_study, table

from .made_up import CONFIG


@pytest.fixture
def study(tmp_path):
    """Write a study file and read it."""

    def write(**content):
        content.setdefault('work_dir', str(tmp_path / 'work'))
        content.setdefault('entries', [dict(name='a', config=CONFIG)])
        path = tmp_path / 'study.py'
        path.write_text(''.join(f'{key} = {v!r}\n' for key, v in content.items()))
        return read_study(str(path))

    return write


@pytest.fixture
def made_up_results(monkeypatch):
    """results.json holds nothing but made-up scores."""

    def read(path):
        with open(path) as file:
            return json.load(file)

    monkeypatch.setattr(table, 'read_content', read)
    # Comparisons need scores of photographs.
    monkeypatch.setattr(execution, 'compare_finished', lambda study: None)
