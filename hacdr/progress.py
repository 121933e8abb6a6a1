"""How far long work is: one bar for all of it."""

import sys
import time

from tqdm import tqdm

# Between the lines of a bar that is written to a file.
SECONDS = 30


def progress_bar(iterable=None, **options):
    """Return a progress bar: on a terminal it moves, in a file it is a line at times.

    Args:
        iterable (Iterable, optional): what to go through under it.
        **options: of ``tqdm``.

    Returns:
        tqdm: writes to the standard error.
    """
    if sys.stderr.isatty():
        return tqdm(iterable, dynamic_ncols=True, **options)
    return tqdm(iterable, file=_Lines(sys.stderr), ncols=80, **options)


class _Lines:
    """A file in which a bar does not draw over itself."""

    def __init__(self, file):
        self.file = file
        self.line = self.done = ''
        self.written = time.monotonic()

    def write(self, text):
        is_end = text == '\n'
        if not is_end:
            self.line = text.strip()
        now = time.monotonic()
        # How much is done stands between the bar and the times.
        done = self.line.rpartition('|')[2].partition('[')[0]
        is_due = done != self.done if is_end else now - self.written >= SECONDS
        if self.line and is_due:
            self.file.write(f'{self.line}\n')
            self.done = done
            self.written = now

    def flush(self):
        self.file.flush()
