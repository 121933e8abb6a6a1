"""The same work for every photograph, in several processes."""

import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import cv2

from hacdr.errors import InputError
from hacdr.progress import progress_bar


def count_cores():
    """Return how many cores this process may use, an int."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Windows and macOS
        return os.cpu_count() or 1


def for_each(work, items, jobs, title):
    """Call a function for every item, under a progress bar.

    Args:
        work (callable): takes an item; can be pickled.
        items (list): its arguments, one a call.
        jobs (int | None): processes, one for each core by default; with 1 it is
            called in this one.
        title (str): what the bar says.

    Returns:
        list: what it returned, in the order of the items.

    Raises:
        InputError: ``jobs`` is not positive, or a process was killed.
    """
    jobs = count_cores() if jobs is None else jobs
    if jobs < 1:
        raise InputError(f'jobs is {jobs}, expected 1 or more')
    results = [None] * len(items)
    bar = progress_bar(total=len(items), desc=title, unit='photograph')
    if jobs == 1 or len(items) < 2:
        with bar:
            for index, item in enumerate(items):
                results[index] = work(item)
                bar.update()
        return results
    # A forked child waits for ever for OpenCV threads that its parent had: the
    # parent ends them first.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    pool = ProcessPoolExecutor(
        min(jobs, len(items)),
        # From Python 3.14 on the default starts each worker anew, which then loads
        # torch, a matter of seconds.
        mp_context=multiprocessing.get_context('fork'),
        initializer=_start_worker,
        initargs=(work, os.getpid()),
    )
    try:
        with bar, pool:
            _collect(pool, items, results, bar)
    except BrokenProcessPool as error:
        raise InputError(
            'a process was killed, most likely for want of memory; '
            f'pass fewer --jobs than {jobs}'
        ) from error
    finally:
        cv2.setNumThreads(threads)
    return results


def _collect(pool, items, results, bar):
    waiting = {pool.submit(_run, item): index for index, item in enumerate(items)}
    try:
        for future in as_completed(waiting):
            results[waiting[future]] = future.result()
            bar.update()
    finally:
        # After an error or Ctrl-C, leaving the pool waits only for what runs.
        for future in waiting:
            future.cancel()


def _start_worker(work, parent):
    global _work
    _work = work
    # Where the parent is killed, the workers would wait for ever: each of them keeps
    # the pipe open that the others wait at.
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # The processes share the cores; OpenCV's own threads would only quarrel.
    cv2.setNumThreads(1)
    # Ctrl-C is the parent's to handle: it lets the workers finish and cleans up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _end_with(parent):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _run(item):
    return _work(item)
