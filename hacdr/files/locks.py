"""One run at a time in a folder."""

import os
from contextlib import ExitStack, contextmanager, suppress

from hacdr.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

LOCK = '.lock'


@contextmanager
def lock_folder(folder, name=LOCK, shared=False):
    """Keep other runs out of a folder until the block ends, however it ends.

    Where there are no locks (Windows, some file systems of networks), nobody is kept
    out.

    Args:
        folder (str | Path): where a run writes.
        name (str): of the file in it that is locked, and stays.
        shared (bool): let others in that share it too.

    Raises:
        InputError: another run is at work in it.
    """
    with ExitStack() as stack:
        # What cannot be opened cannot be locked either: whoever writes will tell why.
        with suppress(OSError):
            file = stack.enter_context(open(os.path.join(folder, name), 'a+'))
            try:
                _lock(file, shared)
            except (BlockingIOError, PermissionError) as error:
                raise InputError(
                    f'{folder}: another run is at work in it; expected one at a time, '
                    'or another folder'
                ) from error
        yield


def _lock(file, shared):
    if fcntl is not None:
        # Not flock: of a process that is killed, children may live on for seconds, and
        # would keep such a lock.
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.lockf(file, kind | fcntl.LOCK_NB)
