"""Files that appear whole or not at all; lists of names, whoever wrote them."""

import codecs
import hashlib
import json
import os
import re
from contextlib import contextmanager
from pathlib import Path

from hacdr.errors import InputError

# In bytes, what file systems allow less what a file is called while it is written.
LONGEST_NAME = 255 - len('..4194304.tmp')


@contextmanager
def atomic_write(path):
    """Give a temporary name beside ``path``; rename it to ``path`` at the end.

    Args:
        path (str | Path): the file to write; one that exists is replaced.

    Yields:
        str: the name to write to. After an exception it is gone and ``path`` is as it
        was.

    Raises:
        InputError: no such folder.
        OSError: the disk refuses; its ``filename`` is ``path``.
    """
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise InputError(f'{path}: no folder {folder} to write to')
    temporary = os.path.join(folder, f'.{os.path.basename(path)}.{os.getpid()}.tmp')
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        # A full disk does not say which file it was.
        if error.errno is not None and error.filename in (None, temporary):
            error.filename = str(path)
        raise
    finally:
        if os.path.lexists(temporary):
            os.remove(temporary)


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
            match = re.fullmatch(r'\.(.+)\.\d+\.tmp', left.name, re.DOTALL)
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


def part_of_name(text):
    """Return a text, such as a class, that becomes part of a file's name.

    Args:
        text (str): from a file of anybody's.

    Raises:
        InputError: the file would lie in another folder.
    """
    if '/' in text or '\\' in text or not text.isprintable():
        raise InputError(f'{text!r}: cannot be part of the name of a file')
    return text


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


def read_list(path):
    """Read a list of names, one a line.

    Names may hold blanks. What editors add is passed over: a byte order mark (UTF-8 or
    UTF-16), carriage returns, blank lines, blanks around a name.

    Args:
        path (str | Path): the list.

    Returns:
        List[str]: its names.

    Raises:
        InputError: it is missing, or text in another encoding.
    """
    try:
        with open(path, 'rb') as file:
            return decode_list(file.read(), path)
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from error


def decode_list(data, where):
    """As :func:`read_list`, from a file's content.

    Args:
        data (bytes): the content.
        where (str | Path): what to call it in messages.
    """
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode('utf-16' if utf16 else 'utf-8-sig')
    except UnicodeDecodeError:
        text = '\0'
    # What UTF-16 without its mark is full of, and no name holds.
    if '\0' in text:
        raise InputError(f'{where}: not a list of names, expected text in UTF-8')
    return [line.strip() for line in text.splitlines() if line.strip()]


def sha256(data):
    """Return the sha256 of bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path):
    """Return the sha256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
