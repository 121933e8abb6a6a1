"""Files that appear whole or not at all."""

import hashlib
import json
import os
from contextlib import contextmanager

from hacdr.errors import InputError


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
    """
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise InputError(f'{path}: no folder {folder} to write to')
    temporary = os.path.join(folder, f'.{os.path.basename(path)}.{os.getpid()}.tmp')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


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


def file_sha256(path):
    """Return the sha256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
