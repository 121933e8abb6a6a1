"""Loaders that never let a training hang, and say which file it was."""

import copy
import itertools
import multiprocessing.connection
import signal
import threading
from contextlib import contextmanager
from functools import partial

from hacdr.engine.draws import number_samples
from hacdr.errors import InputError

# Seconds without a batch after which, and after each of which, a line says so.
PATIENCE = 120
# How often an iteration's batch is asked for, where workers die.
TRIES = 3


class TrainingLoader:
    """The batches of a training in their order, without end.

    A worker that dies costs nothing but time: what a sample draws follows from its
    number, so that loading begins again with the batch that is due.

    Args:
        loader (DataLoader): one that :func:`~hacdr.engine.draws.is_numberable`.
        seed, iteration, rank, ranks: see :func:`~hacdr.engine.draws.number_samples`.
        warn (callable): is called with lines for the log.

    Raises:
        InputError: there are no data.
    """

    def __init__(self, loader, seed, iteration, rank, ranks, warn):
        self.loader = loader
        self.seed = seed
        self.iteration = iteration
        self.place = rank, ranks
        self.warn = warn
        self.deaths = 0
        self.sampler = self._number_from(iteration).sampler

    def __len__(self):
        return -(-len(self.sampler) // self.sampler.batch)

    def __iter__(self):
        """Yield batches.

        Raises:
            InputError: workers die at one batch again and again, or what a worker
                raised.
        """
        iteration, tries = self.iteration, 0
        while True:
            try:
                for batch in self._load_from(iteration):
                    yield batch
                    iteration, tries = iteration + 1, 0
            except _WorkerDied as death:
                self.deaths += 1
                tries += 1
                line = (
                    f'{death} while iteration {iteration + 1} waited for '
                    f'{self._describe(iteration)}'
                )
                if tries == TRIES:
                    raise InputError(f'{line}; tried {tries} times') from None
                self.warn(f'{line}; loading begins again there (no. {self.deaths})')

    def _number_from(self, iteration):
        return number_samples(self.loader, self.seed, iteration, *self.place)

    def _load_from(self, iteration):
        batches = _begin(self._number_from(iteration))
        with _ending_workers(batches):
            while True:
                with _watch(self.warn, partial(self._describe, iteration)):
                    batch = _next(batches)
                yield batch
                iteration += 1

    def _describe(self, iteration):
        sampler = copy.copy(self.sampler)
        sampler.iteration = iteration
        batch = itertools.islice(sampler, sampler.batch)
        return name_samples(self.loader.dataset, [index for _, index in batch])


class WatchedLoader:
    """A loader of evaluations and tests; else it is what it wraps.

    Args:
        loader (DataLoader): of a dataset with an index.
        warn (callable): is called with lines for the log.
    """

    def __init__(self, loader, warn):
        self.loader = loader
        self.warn = warn

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        """Yield batches.

        Raises:
            InputError: a worker died, or what a worker raised.
        """
        batches = _begin(self.loader)
        with _ending_workers(batches):
            for indices in self.loader.batch_sampler:
                names = name_samples(self.loader.dataset, indices)
                try:
                    with _watch(self.warn, partial(str, names)):
                        batch = _next(batches)
                except _WorkerDied as death:
                    raise InputError(f'{death}; a test waited for {names}') from None
                yield batch


class _WorkerDied(Exception):
    """A worker of a loader is gone; says how it ended."""


def _begin(loader):
    """Return an iterator over the batches of a loader."""
    batches = iter(loader)
    if threading.current_thread() is threading.main_thread() and loader.num_workers:
        # torch's handler raises in the middle of whatever runs when a worker dies, as a
        # step of the optimizer. Who waits for a batch is told within seconds as well.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    return batches


def _next(batches):
    """Return the next batch.

    Raises:
        _WorkerDied: a worker was killed, or crashed.
        InputError: in one line, where a worker raised it.
    """
    try:
        return next(batches)
    except InputError as error:
        # One that comes from a worker carries its traceback, made one line.
        own = f'{InputError.__module__}.{InputError.__qualname__}: '
        text = str(error).rsplit(own, 1)[-1]
        raise InputError(text[:-2] if text.endswith(r'\n') else text) from error
    except (RuntimeError, OSError, EOFError) as error:
        # torch tells it, or what it was about to hand over is gone with it.
        ended = _ended_workers(batches)
        if not ended:
            raise
        raise _WorkerDied(
            f"a loader's worker died ({', '.join(ended)}; short of memory or of "
            '/dev/shm?)'
        ) from error


@contextmanager
def _ending_workers(batches):
    """End the workers after an error, whose traceback would keep them."""
    try:
        yield
    except Exception:
        if hasattr(batches, '_shutdown_workers'):
            batches._shutdown_workers()
        raise


def _ended_workers(batches):
    """Return how the workers ended that did; waits for one that is about to."""
    workers = getattr(batches, '_workers', ())
    ended = multiprocessing.connection.wait([one.sentinel for one in workers], 1)
    for one in workers:
        if one.sentinel in ended:
            # Its files are closed a moment before its exit code is there.
            one.join()
    codes = {one.exitcode for one in workers} - {None}
    return [
        signal.strsignal(-code) if code < 0 else f'exit code {code}'
        for code in sorted(codes)
    ]


@contextmanager
def _watch(warn, describe):
    """Say what is waited for, again and again, until the block ends."""

    def tell():
        workers = len(multiprocessing.active_children())
        nonlocal waited
        waited += PATIENCE
        warn(
            f'no batch for {waited} seconds: waiting for {describe()} '
            f'({workers} processes of this one are alive)'
        )

    waited = 0
    watchdog = _Repeat(PATIENCE, tell)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


class _Repeat(threading.Timer):
    """Calls a function each time that many seconds have passed."""

    def run(self):
        while not self.finished.wait(self.interval):
            self.function()


def name_samples(dataset, indices):
    """Return the names of photographs, in one line.

    Args:
        dataset (Dataset): one of mmseg's, or another.
        indices (Sequence[int]): which samples.
    """
    while hasattr(dataset, 'dataset'):
        dataset = dataset.dataset
        # RepeatDataset.
        indices = [index % len(dataset) for index in indices]
    infos = getattr(dataset, 'img_infos', None)
    if infos is None:
        return ', '.join(f'sample {index}' for index in indices)
    return ', '.join(infos[index]['filename'] for index in indices)
