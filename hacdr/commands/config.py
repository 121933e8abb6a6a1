"""List the configs that come with hacdr, print a path, copy one."""

import ast
import os
from pathlib import Path

from hacdr.errors import InputError
from hacdr.files import make_folder, write_bytes
from hacdr.shipped import find_config, find_shipped, list_configs


def add_arguments(parser):
    """Add the command's arguments."""
    parser.add_argument(
        'name', nargs='?', help='one of the list, which is printed without a name'
    )
    parser.add_argument(
        '--copy',
        action='store_true',
        help='copy it, with the files that it builds on, and print where',
    )
    parser.add_argument(
        '-o',
        '--output',
        default='configs',
        help='folder to copy to, default %(default)s',
    )


def run(args):
    """Print the list or a path, or copy."""
    if args.name is None:
        print('\n'.join(list_configs()))
    elif args.copy:
        print(copy_config(args.name, Path(args.output)))
    else:
        print(find_config(args.name))


def copy_config(name, output):
    """Copy a config that comes with the package, and the files that it builds on.

    Args:
        name (str): one of :func:`hacdr.shipped.list_configs`.
        output (Path): folder, made where it is missing. Files lie in it as they do in
            the package, so that they find each other.

    Returns:
        Path: the copy.

    Raises:
        InputError: no config has that name; another file is in the way.
    """
    if name not in list_configs():
        raise InputError(f'{name}: no config that comes with hacdr has that name')
    folder = find_shipped('configs')
    files = {*_find_files(folder / f'{name}.py')}
    contents = {output / file.relative_to(folder): file.read_bytes() for file in files}
    for target, content in sorted(contents.items()):
        if target.exists() and target.read_bytes() != content:
            raise InputError(
                f'{target}: is there with another content; move it away, or choose '
                'another folder with --output'
            )
    for target, content in contents.items():
        make_folder(target.parent)
        write_bytes(target, content)
    return output / f'{name}.py'


def _find_files(config):
    """Yield a config and all that it builds on."""
    yield config
    for base in _read_bases(config):
        yield from _find_files(Path(os.path.normpath(config.parent / base)))


def _read_bases(config):
    for node in ast.parse(config.read_text()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == '_base_':
            bases = ast.literal_eval(node.value)
            return [bases] if isinstance(bases, str) else bases
    return []
