"""Work in several processes, one of which is killed."""

import subprocess
import sys
from pathlib import Path

from .processes import is_alive, wait_until

ROOT = Path(__file__).parents[1]
COMMAND = """
import os, sys, time
from pathlib import Path

# Not needed here, and seconds to load.
sys.modules['torch'] = None
from hacdr.parallel import for_each


def note_and_wait(folder):
    (folder / str(os.getpid())).touch()
    time.sleep(600)


for_each(note_and_wait, [Path(sys.argv[1])] * 2, 2, 'waiting')
"""


def test_workers_end_with_a_command_that_is_killed(tmp_path):
    # Not forked from here: OpenCV may have threads in this process by now.
    command = subprocess.Popen([sys.executable, '-c', COMMAND, str(tmp_path)], cwd=ROOT)
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2, 60)
        workers = [path.name for path in tmp_path.iterdir()]
        assert all(map(is_alive, workers))
    finally:
        command.kill()
        command.wait()
    wait_until(lambda: not any(map(is_alive, workers)), 60)
