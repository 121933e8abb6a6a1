"""What the documents promise is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob('*.md'), *ROOT.glob('docs/*.md')])


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: path.name)
def test_no_figure_is_left_to_fill_in(path):
    assert '@@' not in path.read_text()


@pytest.mark.parametrize('path', DOCUMENTS, ids=lambda path: path.name)
def test_links_and_commands_name_files_that_are_there(path):
    text = path.read_text()
    links = re.findall(r'\]\(([^)#]+)(?:#[^)]*)?\)', text)
    files = [path.parent / link for link in links if '://' not in link]
    commands = re.findall(r'(?:python|sh|bash) ((?:tools|configs)/\S+\.\w+)', text)
    configs = re.findall(r'configs/\w[\w/]*\.py', text)
    files += [ROOT / name for name in (*commands, *configs)]
    missing = [str(file) for file in files if not file.exists()]
    assert not missing
