"""What the documents promise is there."""

import re
from pathlib import Path

import pytest
from mmcv import Config
from mmseg.models import build_segmentor

ROOT = Path(__file__).parents[1]
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


def test_the_readmes_model_builds():
    blocks = re.findall(r'```python\n(.*?)```', (ROOT / 'README.md').read_text(), re.S)
    (config,) = [Config.fromstring(block, '.py') for block in blocks]
    model = build_segmentor(config.model)
    assert model.decode_head.num_classes == 5
    assert len(model.decode_head.loss_decode) == 2
