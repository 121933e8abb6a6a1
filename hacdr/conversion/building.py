"""A folder that appears complete or not at all."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from hacdr.errors import InputError


@contextmanager
def new_folder(output: str | Path) -> Iterator[Path]:
    """Fill a folder that appears complete or not at all.

    Args:
        output (str | Path): the folder; one that stands there is replaced at the
            end (the caller has made sure that nothing of value is in it).

    Yields:
        Path: an empty folder beside it, renamed when the block ends well and
        removed when it does not.

    Raises:
        InputError: it cannot be created or written.
    """
    output = Path(os.path.realpath(output))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        building, lock = _begin(output)
    except OSError as error:
        raise InputError(f'{output}: cannot be created ({error.strerror})') from error
    replaced = building.with_name(building.name + '.old')
    try:
        yield building
        os.chmod(building, 0o777 & ~_umask())
        if output.exists():
            os.rename(output, replaced)
        os.rename(building, output)
    except OSError as error:
        hint = ', free some space' if error.errno == errno.ENOSPC else ''
        raise InputError(
            f'{output}: cannot be written ({error.strerror}){hint}'
        ) from error
    finally:
        if replaced.exists() and not output.exists():
            os.rename(replaced, output)
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)
        os.close(lock)


def _begin(output):
    """A new folder beside the output and a lock on it, held until it is closed.

    What killed runs left is removed: nobody holds the lock of such a folder.
    """
    prefix = f'.{output.name}.converting.'
    parent = os.open(output.parent, os.O_RDONLY)
    try:
        # Of two runs that begin, none may see a folder of the other without lock.
        _try_lock(parent, fcntl.LOCK_EX)
        for left in output.parent.glob(f'{glob.escape(prefix)}*'):
            _remove_if_dead(left, output)
        building = Path(tempfile.mkdtemp(prefix=prefix, dir=output.parent))
        lock = os.open(building, os.O_RDONLY)
        _try_lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(parent)
    return building, lock


def _remove_if_dead(left, output):
    # The only copy of a set that was about to be replaced stays.
    if left.suffix == '.old' and not output.exists():
        return
    try:
        lock = os.open(left, os.O_RDONLY)
    except OSError:
        return
    try:
        if _try_lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(lock)


def _try_lock(descriptor, operation):
    try:
        fcntl.flock(descriptor, operation)
    except OSError:
        # Somebody has it, or the file system knows no locks of folders.
        return False
    return True


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def add_file(path: Path, data: bytes) -> None:
    """Write a file of a data set under construction, with its folders.

    Args:
        path (Path): the file.
        data (bytes): its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def link_or_copy(earlier: Path, folder: Path, path: str) -> None:
    """Take a file over from an earlier conversion; on disk it is the same one.

    Args:
        earlier (Path): the root of the earlier conversion.
        folder (Path): the root of the data set under construction.
        path (str): the file below both.
    """
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(earlier / path, target)
    except OSError:
        # Not every file system has links.
        shutil.copyfile(earlier / path, target)
