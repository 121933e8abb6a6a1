"""Random draws of a training that follow from its seed and the iteration alone.

What a sample draws (crop, scale, turn, gain) follows from (seed, number of the sample),
and the number from the iteration and the place in the batch; what the network draws
(dropout, drop path, the noise of a loss) from (seed, iteration, rank). So a training
can go on anywhere, with any number of workers, as if it had never stopped.
"""

import random
from contextlib import contextmanager

import numpy as np
import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
)

from hacdr.errors import InputError

# How many seeds there are: numpy's generator takes no others.
SEEDS = 1 << 32
# What a draw is for: no two purposes share their random numbers.
ORDER, SAMPLE, NETWORK = range(3)


def seed_network(seed, iteration, rank):
    """Seed all generators, those of GPUs too, for what the network draws.

    Args:
        seed (int): the seed of the training, not negative.
        iteration (int): its number, from 0.
        rank (int): of this process.
    """
    _seed(torch.manual_seed, NETWORK, seed, iteration, rank)


@contextmanager
def sample_draws(seed, number):
    """Seed the generators of the CPU for a sample; leave them as they were."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    # torch.manual_seed would seed the GPUs of the process too.
    _seed(torch.default_generator.manual_seed, SAMPLE, seed, number)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        torch.set_rng_state(states[2])


def _seed(seed_torch, *key):
    words = np.random.SeedSequence(key).generate_state(4)
    random.seed(words.tobytes())
    np.random.seed(words)
    seed_torch(int(words[0]) << 31 | int(words[1]) >> 1)


class SeededDataset(Dataset):
    """A dataset whose draws follow from the number of the sample.

    Its keys are what :class:`NumberedSampler` yields: (number, index).
    """

    def __init__(self, dataset, seed):
        self.dataset = dataset
        self.seed = seed

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, key):
        number, index = key
        with sample_draws(self.seed, number):
            return self.dataset[index]


class NumberedSampler(Sampler):
    """Yield (number, index) of the samples of one process, without end.

    The samples of all iterations and processes are numbered through: iteration k of
    ``ranks`` processes with ``batch`` samples each begins at k * ranks * batch, and
    its batches follow each other. One pass over the data after the other is laid over
    the numbers; each is shuffled anew.

    Args:
        length (int): of the dataset.
        batch (int): samples of an iteration in this process.
        seed (int): the seed of the training, not negative.
        shuffle (bool): False: every pass goes through the data in their order.
        iteration (int): where to begin, from 0.
        rank, ranks (int): of this process; how many there are.
    """

    def __init__(self, length, batch, seed, shuffle, iteration, rank=0, ranks=1):
        self.length = length
        self.batch = batch
        self.seed = seed
        self.shuffle = shuffle
        self.iteration = iteration
        self.rank = rank
        self.ranks = ranks

    def __len__(self):
        """Return the samples of a pass in this process."""
        return self.length // self.ranks

    def __iter__(self):
        iteration, current, order = self.iteration, None, None
        while True:
            first = (iteration * self.ranks + self.rank) * self.batch
            for number in range(first, first + self.batch):
                turn, place = divmod(number, self.length)
                if turn != current:
                    current, order = turn, self._order(turn)
                yield number, order[place]
            iteration += 1

    def _order(self, turn):
        if not self.shuffle:
            return range(self.length)
        generator = np.random.default_rng((ORDER, self.seed, turn))
        return generator.permutation(self.length).tolist()


def is_numberable(loader):
    """Return whether :func:`number_samples` can take over the order of a loader."""
    return (
        not isinstance(loader.dataset, IterableDataset)
        and loader.batch_size is not None
        and isinstance(
            loader.sampler, (RandomSampler, SequentialSampler, DistributedSampler)
        )
    )


def number_samples(loader, seed, iteration, rank, ranks):
    """Return a loader of the same data whose order and draws follow from a seed.

    Args:
        loader (DataLoader): one that :func:`is_numberable`.
        seed (int): the seed of the training.
        iteration (int): the one that its first batch is for, from 0.
        rank, ranks (int): of this process; how many there are.

    Returns:
        DataLoader: without end.

    Raises:
        InputError: there are no data.
    """
    if not len(loader.dataset):
        raise InputError('the training set is empty')
    shuffle = getattr(
        loader.sampler, 'shuffle', isinstance(loader.sampler, RandomSampler)
    )
    return DataLoader(
        SeededDataset(loader.dataset, seed),
        loader.batch_size,
        sampler=NumberedSampler(
            len(loader.dataset),
            loader.batch_size,
            seed,
            shuffle,
            iteration,
            rank,
            ranks,
        ),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        # A loader draws when it begins: not from what the network draws from.
        generator=torch.Generator(),
        prefetch_factor=loader.prefetch_factor,
        persistent_workers=loader.persistent_workers,
    )
