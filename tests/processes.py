"""Processes beside a test: waited for, or holding a lock."""

import fcntl
import os
import signal
import time
from contextlib import contextmanager
from pathlib import Path


def wait_until(condition, seconds, process=None):
    """Wait until a condition holds.

    Fails after so many seconds, or when ``process``, a ``subprocess.Popen`` whose
    output is a pipe, ends before.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f'waited for {seconds} seconds'
        assert process is None or process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def is_alive(pid):
    """Tell whether a process works; of one that nobody waits for the number stays."""
    try:
        state = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except OSError:
        return False
    return state != 'Z'


@contextmanager
def locked_by_another(path):
    """Have another process hold the lock of a file, as a run in its folder does."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with open(path, 'a+') as file:
                fcntl.lockf(file, fcntl.LOCK_EX)
                os.write(writing, b'1')
                signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b'1'
        yield
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
