"""Files that appear whole or not at all."""

import errno
import json
import os
import re
import secrets
from contextlib import contextmanager
from pathlib import Path

from hacdr.errors import InputError

# In bytes, what file systems allow less what a file is called while it is written.
LONGEST_NAME = 255 - len('..01234567.tmp')


@contextmanager
def atomic_write(path):
    """Give a temporary name beside ``path``; rename it to ``path`` at the end.

    Args:
        path (str | Path): the file to write; one that exists is replaced.

    Yields:
        str: the name to write to. After an exception it is gone and ``path`` is as it
        was.

    Raises:
        InputError: no such folder, or one of a system such as /proc, in which no files
            can be made.
        OSError: the disk refuses; its ``filename`` is ``path``.
    """
    require_folder(path)
    temporary = temporary_name(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        if error.errno == errno.ENOENT and error.filename == temporary:
            folder = os.path.dirname(path) or '.'
            raise InputError(f'{path}: folder {folder} takes no files') from error
        # A full disk does not say which file it was.
        if error.errno is not None and error.filename in (None, temporary):
            error.filename = str(path)
        raise
    finally:
        if os.path.lexists(temporary):
            os.remove(temporary)


def require_folder(path):
    """Refuse a file that has no folder, before the work whose result it is to hold.

    Args:
        path (str | Path): the file to write.

    Raises:
        InputError: no such folder.
    """
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise InputError(f'{path}: no folder {folder} to write to')


def temporary_name(path):
    """Return a name beside a file that no process takes, on whatever machine.

    Args:
        path (str | Path): the file.
    """
    folder, name = os.path.split(path)
    return os.path.join(folder, f'.{name}.{secrets.token_hex(4)}.tmp')


def remove_unfinished(paths):
    """Remove what processes that were killed left of files that they were writing.

    Args:
        paths (Iterable[str | Path]): files that nobody else writes now.
    """
    names = {}
    for path in paths:
        folder, name = os.path.split(path)
        names.setdefault(folder or '.', set()).add(name)
    for folder, own in names.items():
        for left in Path(folder).glob('.*.tmp'):
            match = re.fullmatch(r'\.(.+)\.[0-9a-f]{8}\.tmp', left.name, re.DOTALL)
            if match and match[1] in own:
                left.unlink()


def make_folder(path):
    """Make a folder, with those above it; one that is there stays as it is.

    Args:
        path (str | Path): the folder.

    Raises:
        InputError: it cannot be made.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f'{path}: folder cannot be made ({error.strerror})') from error


def write_text(path, text):
    """Write a text file, UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path, data):
    """Write a file of bytes."""
    with atomic_write(path) as temporary, open(temporary, 'wb') as file:
        file.write(data)


def write_json(path, content):
    """Write plain values as JSON; NaN is refused with ValueError."""
    write_text(path, json.dumps(content, allow_nan=False))
