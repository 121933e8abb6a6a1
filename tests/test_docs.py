"""What the documents promise is there."""

import argparse
import importlib
import re
import runpy
from pathlib import Path

from hacdr_cli import COMMANDS

import pytest
from mmcv import Config
from mmseg.models import build_segmentor

from hacdr.engine.config import check_config, load_config
from hacdr.inference.published import find_start

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


def headings(path):
    """Return the anchors of a document's headings."""
    text = re.sub(r'```.*?```', '', path.read_text(), flags=re.S)
    titles = re.findall(r'^#+ (.+)$', text, re.M)
    return {re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in titles}


@pytest.mark.parametrize(
    'path', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_into_documents_name_headings_that_are_there(path):
    links = re.findall(r'\]\(([^)#:]*)#([^)]+)\)', path.read_text())
    wrong = [
        f'{file}#{anchor}'
        for file, anchor in links
        if anchor not in headings(path.parent / file if file else path)
    ]
    assert wrong == []


def shown_commands(text):
    """Yield the commands that a text shows: name and options."""
    rest = r'((?:\\\n|[^\n`|])*)'
    shown = re.findall(
        rf'(?:^|`|=1 )(?:python -m )?hacdr ([a-z][\w-]*){rest}', text, re.M
    )
    for script, words in re.findall(rf'python (tools/\S+\.py){rest}', text):
        source = (ROOT / script).read_text()
        shown += [(name, words) for name in re.findall(r"main\('([\w-]+)'", source)]
    for name, words in shown:
        # What follows a bracket, a comment or another command is not its own.
        own = re.split(r'[#)]|&&', words)[0]
        yield name, re.findall(r'(?<!\S)-[-\w]+', own)


@pytest.mark.parametrize(
    'path', DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_commands_have_the_options_that_are_shown(path):
    names = [name for group in COMMANDS.values() for name in group]
    for name, options in shown_commands(path.read_text()):
        assert name in names
        parser = argparse.ArgumentParser()
        module = importlib.import_module(f'hacdr.commands.{name.replace("-", "_")}')
        module.add_arguments(parser)
        unknown = {*options} - {*parser._option_string_actions}
        assert not unknown, f'hacdr {name}'


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('```\nhacdr stats A --gone\n```', [('stats', ['--gone'])]),
        ('`OMP_NUM_THREADS=1 hacdr stats \\\n    --gone 1`', [('stats', ['--gone'])]),
        ('`python tools/dataset_stats.py A --json B`', [('stats', ['--json'])]),
    ],
)
def test_commands_are_found(text, expected):
    assert [*shown_commands(text)] == expected


def test_the_readmes_table_of_models_is_made_from_the_metafiles():
    table = runpy.run_path(str(ROOT / 'tools' / 'model_zoo.py'))['make_table']()
    assert '\n'.join(table) in (ROOT / 'README.md').read_text()


def test_every_registered_part_is_in_the_reference():
    registered = set()
    for path in (ROOT / 'hacdr').rglob('*.py'):
        module = '.'.join(path.relative_to(ROOT).with_suffix('').parts)
        classes = re.findall(r'register_module\([^)]*\)\nclass (\w+)', path.read_text())
        registered |= {f'{module}.{name}' for name in classes}
    text = (ROOT / 'docs' / 'reference' / 'parts.md').read_text()
    assert len(registered) > 20
    assert {*re.findall(r'^::: (\S+)$', text, re.M)} >= registered


def test_the_reference_names_what_is_there():
    for path in (ROOT / 'docs' / 'reference').glob('*.md'):
        for name in re.findall(r'^::: (\S+)$', path.read_text(), re.M):
            module, attribute = name.rsplit('.', 1)
            assert getattr(importlib.import_module(module), attribute).__doc__, name


def test_every_page_is_in_the_sites_menu():
    menu = (ROOT / 'mkdocs.yml').read_text()
    pages = (path.relative_to(ROOT / 'docs') for path in ROOT.glob('docs/**/*.md'))
    assert [str(page) for page in pages if f': {page}\n' not in menu] == []


def test_the_readme_is_short():
    assert len((ROOT / 'README.md').read_text().split()) < 700


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


def test_the_config_for_data_of_ones_own(tmp_path):
    (block,) = python_blocks('docs/own_data.md')
    path = tmp_path / 'own.py'
    path.write_text(block.replace("'configs/", f"'{ROOT}/configs/"))
    cfg = load_config(str(path))
    check_config(cfg)
    assert cfg.data.test.data_root == 'data/own'
    assert cfg.data.test.split == 'splits/test.txt'
    head = cfg.model.decode_head
    assert head.num_classes == len(head.class_prior) == len(cfg.data.val.classes)
    assert Path(find_start(cfg.load_from)).is_file()


def test_the_readmes_model_builds():
    (config,) = [
        Config.fromstring(block, '.py') for block in python_blocks('README.md')
    ]
    model = build_segmentor(config.model)
    assert model.decode_head.num_classes == 5
    assert len(model.decode_head.loss_decode) == 2


def python_blocks(path):
    return re.findall(r'```python\n(.*?)```', (ROOT / path).read_text(), re.S)


def test_the_config_of_one_lesion(tmp_path):
    (text,) = python_blocks('docs/classes_and_weights.md')
    base = str(ROOT / 'configs' / 'hacdr_idrid_lean.py')
    (tmp_path / 'one.py').write_text(text.replace('hacdr_idrid_lean.py', base))
    cfg = load_config(str(tmp_path / 'one.py'))
    check_config(cfg)
    assert cfg.model.decode_head.num_classes == 2


def test_the_errors_in_python(capsys):
    (text,) = python_blocks('docs/errors.md')
    relative = 'configs/hacdr_demo.py'
    exec(text.replace(relative, str(ROOT / relative)), {})
    assert capsys.readouterr().out.strip() in text
