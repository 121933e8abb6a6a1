"""Work in several processes, one of which is killed."""

import multiprocessing
import os
import time
from pathlib import Path

from hacdr.parallel import for_each


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, 'waited for a minute'
        time.sleep(0.05)


def note_and_wait(folder):
    (folder / str(os.getpid())).touch()
    time.sleep(600)


def is_alive(process):
    """Return whether a process works; of one that nobody waits for the number stays."""
    try:
        state = Path(f'/proc/{process}/stat').read_text().rsplit(')', 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != 'Z'


def test_workers_end_with_a_command_that_is_killed(tmp_path):
    command = multiprocessing.get_context('fork').Process(
        target=for_each, args=(note_and_wait, [tmp_path] * 2, 2, 'waiting')
    )
    command.start()
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    workers = [path.name for path in tmp_path.iterdir()]
    assert all(map(is_alive, workers))
    command.kill()
    command.join()
    wait_for(lambda: not any(map(is_alive, workers)))
