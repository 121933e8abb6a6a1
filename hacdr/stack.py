"""What the network runs on: torch, mmcv 1.7 and mmsegmentation 0.30; imports none."""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from hacdr.errors import StackError

# Name of the module: what it is called on a package index, the first version that is
# supported, the first that is not any more.
NEEDED = {
    'torch': ('torch', (2, 1), None),
    'mmcv': ('mmcv', (1, 7), (2, 0)),
    'mmseg': ('mmsegmentation', (0, 30), (1, 0)),
}


def find_missing():
    """Return which of torch, mmcv and mmseg cannot be found, a list of names."""
    return [name for name in NEEDED if _folder(name) is None]


def check_stack():
    """Make sure that the network can run here.

    Raises:
        StackError: a package is missing or of a version that is not supported; says
            what was found of all three.
    """
    versions = {name: read_version(name) for name in NEEDED}
    if all(_is_supported(name, version) for name, version in versions.items()):
        return
    found = ', '.join(
        f'no {package}' if versions[name] is None else f'{name} {versions[name]}'
        for name, (package, *_) in NEEDED.items()
    )
    raise StackError(
        f'hacdr needs torch >= 2.1, mmcv 1.7 and mmsegmentation 0.30, found {found}'
    )


def _is_supported(name, version):
    if version in (None, '?'):
        return version == '?'
    _, first, end = NEEDED[name]
    numbers = tuple(int(number) for number in re.findall(r'\d+', version)[:2])
    return first <= numbers and (end is None or numbers < end)


def read_version(name):
    """Return the version of torch, mmcv or mmseg from its files.

    They are not imported: mmseg refuses to be beside an mmcv that it does not know.

    Returns:
        str | None: '?' where the files do not say it, None where there is none.
    """
    folder = _folder(name)
    if folder is None:
        return None
    try:
        text = (folder / 'version.py').read_text()
    except OSError:
        return '?'
    match = re.search(r'^__version__ = [\'"](.+?)[\'"]', text, re.M)
    return match[1] if match else '?'


def describe_version(module):
    """Return the version of a module, which is imported, or why there is none."""
    try:
        return import_module(module).__version__
    except ImportError as error:
        return f'missing ({error})'


def _folder(name):
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, ValueError):
        # ValueError: somebody put a module without a spec in its place.
        return None
    # A folder of that name without modules is not the package.
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent
