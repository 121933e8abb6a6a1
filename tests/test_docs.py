"""What the documents promise is there."""

import re
from pathlib import Path

import pytest
from mmcv import Config
from mmseg.models import build_segmentor

ROOT = Path(__file__).parents[1]
# A text that names a path in one of these promises that it is there.
FOLDERS = 'hacdr', 'configs', 'constraints', 'docs', 'tests', 'tools', 'weights', '.ci'
TEXTS = sorted(
    path
    for pattern in ('hacdr/**/*.py', 'hacdr/**/*.js', 'tools/**/*.*', 'configs/**/*.py')
    for path in ROOT.glob(pattern)
    if path.suffix in ('.js', '.py', '.sh')
)
DOCUMENTS = sorted(
    [*ROOT.glob('*.md'), *ROOT.glob('docs/*.md'), *ROOT.glob('weights/*.md')]
)


@pytest.mark.parametrize(
    'path', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_figure_is_left_to_fill_in(path):
    assert '@@' not in path.read_text()


@pytest.mark.parametrize(
    'path', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_and_commands_name_files_that_are_there(path):
    text = path.read_text()
    links = re.findall(r'\]\(([^)#]+)(?:#[^)]*)?\)', text)
    files = [path.parent / link for link in links if '://' not in link]
    commands = re.findall(r'(?:python|sh|bash) ((?:tools|configs)/\S+\.\w+)', text)
    configs = re.findall(r'configs/\w[\w/]*\.py', text)
    files += [ROOT / name for name in (*commands, *configs)]
    missing = [str(file) for file in files if not file.exists()]
    assert not missing


def named_paths(text):
    """Return the paths of the repository, and of its package, that a text names.

    Those with a part in capitals stand for many.
    """
    package = [path.name for path in (ROOT / 'hacdr').iterdir() if path.is_dir()]
    whole = '|'.join(map(re.escape, FOLDERS))
    quoted = '|'.join(map(re.escape, (*FOLDERS, *package, '_base_')))
    paths = re.findall(rf'(?<![\w/.}}-])(?:{whole})/[\w./-]*\w\.\w+', text)
    paths += re.findall(rf'`((?:{quoted})/[\w./-]*)`', text)
    return {path for path in paths if not re.search('[A-Z]{3}', path)}


def missing_paths(text):
    places = ROOT, ROOT / 'hacdr', ROOT / 'configs'
    return sorted(
        path
        for path in named_paths(text)
        if not any((place / path).exists() for place in places)
    )


@pytest.mark.parametrize(
    'path', [*DOCUMENTS, *TEXTS], ids=lambda path: str(path.relative_to(ROOT))
)
def test_paths_are_there(path):
    assert missing_paths(path.read_text()) == []


@pytest.mark.parametrize(
    'text', ['As in hacdr/evaluation/gone.py.', '`conversion/gone.py`', '`tests/gone/`']
)
def test_a_path_that_is_gone_is_noticed(text):
    assert len(missing_paths(text)) == 1


def test_the_readmes_model_builds():
    blocks = re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.S)
    (config,) = [Config.fromstring(block, '.py') for block in blocks]
    model = build_segmentor(config.model)
    assert model.decode_head.num_classes == 5
    assert len(model.decode_head.loss_decode) == 2
