"""Checkpoint files of a training: written whole, read back, found again."""

import errno
import os
import os.path as osp
import re
import shutil
import zipfile
from contextlib import contextmanager
from pathlib import Path

from hacdr.errors import InputError
from hacdr.files import atomic_write, remove_unfinished


@contextmanager
def write_checked(path):
    """Give a temporary name for a checkpoint; read it back, then rename it to ``path``.

    Args:
        path (str): the file to write; its folder is made.

    Yields:
        str: the name to write to, in the folder of ``path``.

    Raises:
        InputError: the disk refuses (full, read-only, ...) or does not give back what
            was written. ``path`` is as it was.
    """
    try:
        os.makedirs(osp.dirname(path) or '.', exist_ok=True)
        remove_unfinished([path])
        with atomic_write(path) as temporary:
            yield temporary
            with open(temporary, 'rb+') as file:
                os.fsync(file.fileno())
            damage = find_damage(temporary)
            if damage:
                raise OSError(errno.EIO, f'reading it back failed: {damage}')
    except OSError as error:
        raise InputError(
            f'{path}: cannot be written ({error.strerror or error}); the checkpoints '
            'before it are as they were'
        ) from error


def find_damage(path):
    """Return what is wrong with a checkpoint file of this torch, or None.

    Every byte is read and compared with its checksum; nothing is unpickled.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        return str(error)
    return damaged and f'wrong checksum of {damaged}'


def name_latest(path, latest):
    """Let ``latest`` be the checkpoint too.

    A link, or a copy on a disk that has no links; in place at once or as before.

    Args:
        path (str): the checkpoint.
        latest (str): the other name.

    Raises:
        InputError: the disk refuses the copy too.
    """
    target = osp.relpath(path, osp.dirname(latest) or '.')
    try:
        remove_unfinished([latest])
        with atomic_write(latest) as temporary:
            try:
                os.symlink(target, temporary)
            except OSError:
                shutil.copyfile(path, temporary)
    except OSError as error:
        raise InputError(
            f'{latest}: cannot be written ({error.strerror or error}); {path} is whole'
        ) from error


def find_newest(folder, warn):
    """Find the checkpoint to resume from.

    Args:
        folder (str): the work dir of a training.
        warn (callable): is called with a line for each damaged one.

    Returns:
        str | None: the one of most iterations that is whole; None where there are none.

    Raises:
        InputError: all are damaged.
    """
    numbered = {}
    latest = Path(folder) / 'latest.pth'
    for path in (*Path(folder).glob('iter_*.pth'), Path(osp.realpath(latest))):
        number = re.search(r'(\d+)\.pth$', path.name)
        if number and path.is_file():
            numbered[int(number[1])] = path
    for _, path in sorted(numbered.items(), reverse=True):
        damage = find_damage(path)
        if not damage:
            return str(path)
        warn(f'{path}: damaged checkpoint, passed over ({damage})')
    # As a copy it may be whole where its original is not.
    if latest.is_file() and not find_damage(latest):
        return str(latest)
    if numbered:
        raise InputError(
            f'{folder}: all {len(numbered)} checkpoints are damaged; delete them to '
            'begin anew'
        )
    return None
