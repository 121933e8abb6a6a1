"""Decoded photographs on disk, for all workers of all trainings of a machine."""

import contextlib
import logging
import os
import tempfile
from pathlib import Path

import numpy as np

from hacdr.errors import InputError
from hacdr.files import sha256

# Bytes of a file before the array's own, at most.
HEADER = 4096

logger = logging.getLogger('hacdr')


class ArrayCache:
    """A folder of memory-mapped arrays, of bounded size.

    An array is found by its source file (path, size and time of change) and a word
    that says what was made of it. Files appear whole, by renaming; several processes
    may read and write at once. When the folder is full the arrays that were not used
    for longest make room, but never those that were used since this cache was
    opened: a training that goes round and round over more than fits would throw away
    what it needs next. What finds no room is not kept.

    Args:
        folder (str | Path): made where it is missing.
        gigabytes (float): most that the folder may hold (1e9 bytes each).

    Raises:
        ValueError: the size is not positive.
        InputError: the folder cannot be made.
    """

    def __init__(self, folder, gigabytes):
        if not gigabytes > 0:
            raise ValueError(f'expected a size above 0 gigabytes, got {gigabytes}')
        self.folder = Path(folder)
        self.bytes = int(gigabytes * 1e9)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / '.lock').touch()
        except OSError as error:
            raise InputError(
                f'{folder}: cache folder cannot be made ({error.strerror})'
            ) from error
        # By the clock of the disk, which need not be this machine's.
        self.opened = (self.folder / '.lock').stat().st_mtime_ns
        self.has_warned = False

    def get(self, source, what, make):
        """Return an array, from the cache or made now.

        Args:
            source (str | Path): the file it is made from.
            what (str): what is made of it.
            make (callable): returns the array (np.ndarray).

        Returns:
            np.ndarray: memory-mapped where it is in the cache; writing to it does not
            change the cache. What the disk does not take is not kept; a warning says
            so once.
        """
        path = self.folder / f'{_key(source, what)}.npy'
        array = self._load(path)
        if array is None:
            array = make()
            try:
                self._store(path, array)
            except OSError as error:
                if not self.has_warned:
                    logger.warning(
                        '%s: cache cannot be written (%s), going on without; make room,'
                        ' or choose another cache_dir or a smaller cache_gb',
                        self.folder,
                        error.strerror,
                    )
                self.has_warned = True
        return array

    def _load(self, path):
        try:
            array = np.load(path, mmap_mode='c')
        except OSError:
            # Not there, or thrown away by another process just now.
            return None
        except (ValueError, EOFError):
            path.unlink(missing_ok=True)
            return None
        # A cache that can only be read still serves; so does what is gone by now.
        with contextlib.suppress(OSError):
            os.utime(path)
        return array.view(np.ndarray)

    def _store(self, path, array):
        # Not every system has it; a cache needs it, importing this module does not.
        import fcntl

        with open(self.folder / '.lock') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path.exists() or not self._make_room(array.nbytes + HEADER):
                return
            file, temporary = tempfile.mkstemp(dir=self.folder, suffix='.tmp')
            try:
                with os.fdopen(file, 'wb') as stream:
                    np.save(stream, array)
                os.replace(temporary, path)
            except BaseException:
                os.unlink(temporary)
                raise

    def _make_room(self, size):
        """Throw away what is old, if that is enough; the lock is held."""
        files = []
        for entry in os.scandir(self.folder):
            if entry.name.endswith('.tmp'):
                # Whoever wrote it was killed: writing needs the lock.
                os.unlink(entry.path)
            elif entry.name.endswith('.npy'):
                stat = entry.stat()
                files.append((stat.st_mtime_ns, stat.st_size, entry.path))
        excess = sum(length for _, length, _ in files) + size - self.bytes
        old = []
        for used, length, path in sorted(files):
            if excess <= 0 or used >= self.opened:
                break
            excess -= length
            old.append(path)
        if excess > 0:
            return False
        for path in old:
            os.unlink(path)
        return True


def _key(source, what):
    stat = os.stat(source)
    text = f'{os.path.realpath(source)}|{stat.st_mtime_ns}|{stat.st_size}|{what}'
    return sha256(text.encode())[:32]
