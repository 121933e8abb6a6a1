"""The picture in docs/architecture.md is true to the imports."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / 'hacdr'
STACK = {'torch', 'torchvision', 'mmcv', 'mmseg'}


def read_picture():
    """Return the lines of the picture from below, each a set of rooms, and the rule.

    Returns:
        tuple[list[set[str]], int]: the second is the first line whose rooms may import
        torch, mmcv and mmseg.
    """
    text = (ROOT / 'docs' / 'architecture.md').read_text()
    picture = re.search(r'^```\n(.*?)^```', text, re.S | re.M)[1].splitlines()[::-1]
    (rule,) = [i for i, line in enumerate(picture) if line.startswith('---')]
    # What they are stands to their right, far enough.
    rooms = [{*re.split(r'\s{4,}', line)[0].split()} for line in picture]
    return rooms[:rule] + rooms[rule + 1 :], rule


def find_imports(path):
    """Yield the full names of all modules that a file imports, wherever it does."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = '.'.join([*above, *filter(None, [node.module])])
            yield from (f'{module}.{name.name}' for name in node.names)


def find_rooms():
    """Return room -> its files."""
    rooms = {}
    for path in sorted(PACKAGE.rglob('*.py')):
        room = path.relative_to(PACKAGE).with_suffix('').parts[0]
        # The package itself registers the upper rooms, and enters the highest.
        if room not in ('__init__', '__main__'):
            rooms.setdefault(room, []).append(path)
    return rooms


LINES, RULE = read_picture()
ROOMS = find_rooms()


def test_the_picture_shows_every_room_once():
    shown = [room for line in LINES for room in line]
    assert sorted(shown) == sorted(ROOMS)


@pytest.mark.parametrize(
    'line', range(len(LINES)), ids=lambda i: '-'.join(sorted(LINES[i]))
)
def test_rooms_import_only_what_is_below_them(line):
    below = set().union(*LINES[:line])
    wrong = []
    for room in LINES[line]:
        for path in ROOMS.get(room, []):
            for name in find_imports(path):
                first, *rest = name.split('.')
                upwards = first == 'hacdr' and rest and rest[0] not in {room, *below}
                if upwards or (first in STACK and line < RULE):
                    wrong.append(f'{path.relative_to(ROOT)} imports {name}')
    assert not wrong


def test_lesions_imports_numpy_alone():
    own = {'__future__.annotations', 'typing.Sequence'}
    assert {*find_imports(PACKAGE / 'lesions.py')} - own == {'numpy'}
