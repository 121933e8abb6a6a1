"""Waiting for processes that tests kill, or that end with those."""

import time
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
