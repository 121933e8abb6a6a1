"""Threads for the CPU kernels: torch's own where they can be reached.

torch's threads stay awake for some milliseconds after each operation. Threads of
another pool find the cores taken then and start when half of the work is done (two
cores: 2.0 ms instead of 1.1 for a millisecond of work each). So the kernels run on the
team of the OpenMP library that torch has loaded, and on a pool of Python's where there
is none.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Callable

import torch

_Body = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def run_together(calls: list[Callable]) -> None:
    """Call all ``calls`` at once, each in a thread, and wait for them.

    Args:
        calls (list[callable]): take no argument and let go of the interpreter lock
            while they work.

    An interrupt (Ctrl-C) is raised when they are done.

    Raises:
        BaseException: the first that one of them raised.
    """
    if len(calls) == 1:
        calls[0]()
        return
    library = _openmp()
    if library is None or os.getpid() != _PID:
        pool = _pool(len(calls), os.getpid())
        for future in [pool.submit(call) for call in calls]:
            future.result()
        return
    errors = []

    def body(_):
        # The team may be smaller than what was asked for.
        members = library.omp_get_num_threads()
        for call in calls[library.omp_get_thread_num() :: members]:
            try:
                call()
            except BaseException as error:
                errors.append(error)

    with _interrupts_later():
        library.GOMP_parallel(_Body(body), None, len(calls), 0)
    if errors:
        raise errors[0]


@contextmanager
def _interrupts_later():
    """Hold an interrupt back until the end of the block.

    ctypes prints and drops what is raised as Python code that C has called begins,
    before it can catch anything; Python calls signal handlers at that point too.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(
        handler
    ):
        yield
        return
    held = []
    try:
        signal.signal(signal.SIGINT, lambda *arguments: held.append(arguments))
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if held:
        handler(*held[0])


# The team does not survive a fork.
_PID = os.getpid()


@functools.lru_cache(maxsize=None)
def _pool(threads, pid):
    # A forked child has none of its parent's threads: it gets a pool of its own.
    return ThreadPoolExecutor(threads, thread_name_prefix='hacdr')


@functools.lru_cache(maxsize=None)
def _openmp():
    """Return the OpenMP library that torch runs on, None where it is not to be had."""
    if 'backend: OpenMP' not in torch.__config__.parallel_info():
        return None
    try:
        lines = Path('/proc/self/maps').read_text().splitlines()
    except OSError:
        return None
    loaded = {line.split()[-1] for line in lines if _is_openmp(line)}
    package = str(Path(torch.__file__).parent)
    # Another package's library, loaded too, has a team of its own.
    own = [path for path in loaded if path.startswith(package)] or sorted(loaded)
    if len(own) != 1:
        return None
    library = ctypes.CDLL(own[0])
    return library if hasattr(library, 'GOMP_parallel') else None


def _is_openmp(line):
    name = Path(line.split()[-1]).name
    return name.startswith(('libgomp', 'libiomp', 'libomp'))
