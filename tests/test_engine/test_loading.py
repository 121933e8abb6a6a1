"""Loaders whose workers die, wait or meet a damaged file."""

import multiprocessing
import os
import re
import signal
import time
from pathlib import Path

import pytest
import torch
from mmseg.datasets import RepeatDataset
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from hacdr.engine import loading
from hacdr.engine.loading import TrainingLoader, WatchedLoader, name_samples
from hacdr.errors import InputError


class Photographs(Dataset):
    """Six numbers; what ``disturb`` does to number 4 happens in a worker."""

    CLASSES = PALETTE = ()

    def __init__(self, disturb=lambda: None):
        self.img_infos = [dict(filename=f'{i}.jpg') for i in range(6)]
        self.disturb = disturb

    def __len__(self):
        return len(self.img_infos)

    def __getitem__(self, index):
        if index == 4:
            self.disturb()
        return index


@pytest.fixture(autouse=True)
def soon_noticed(monkeypatch):
    """torch asks every five seconds whether the workers are alive."""
    monkeypatch.setattr(
        _MultiProcessingDataLoaderIter._try_get_data, '__defaults__', (0.2,)
    )
    before = signal.getsignal(signal.SIGCHLD)
    yield
    assert multiprocessing.active_children() == []
    signal.signal(signal.SIGCHLD, before)


def take(dataset, batches, warn, workers=2):
    """Return batches of a training from the fourth iteration on."""
    loader = DataLoader(dataset, 2, shuffle=True, num_workers=workers)
    batches = zip(range(batches), TrainingLoader(loader, 0, 3, 0, 1, warn))
    return [batch.tolist() for _, batch in batches]


def kill_once(folder):
    def disturb():
        mark = Path(folder) / 'killed'
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    return disturb


def test_a_worker_that_dies_is_replaced(tmp_path):
    told = []
    whole = take(Photographs(), 7, pytest.fail, workers=0)
    state = torch.get_rng_state()
    assert take(Photographs(kill_once(tmp_path)), 7, told.append) == whole
    # The network draws from it.
    assert torch.equal(torch.get_rng_state(), state)
    (line,) = told
    assert re.match(
        r"a loader's worker died \(Killed; .*\) while iteration \d+ waited for "
        r'\d\.jpg, \d\.jpg; loading begins again there \(no\. 1\)$',
        line,
    )


def test_a_photograph_at_which_workers_die(monkeypatch):
    told = []
    monkeypatch.setattr(loading, 'TRIES', 2)
    with pytest.raises(InputError, match=r'died \(Segm.*4\.jpg.*; tried 2 times$'):
        take(Photographs(lambda: os.kill(os.getpid(), 11)), 9, told.append)
    assert told


@pytest.mark.parametrize('workers', [0, 1])
def test_what_a_worker_refuses_is_told_in_one_line(workers):
    def refuse():
        raise InputError('4.jpg: cut off')

    with pytest.raises(InputError) as caught:
        take(Photographs(refuse), 9, pytest.fail, workers)
    assert str(caught.value) == '4.jpg: cut off'

    loader = DataLoader(Photographs(refuse), 2, num_workers=workers)
    with pytest.raises(InputError, match=r'^4\.jpg: cut off$'):
        list(WatchedLoader(loader, pytest.fail))


def test_a_test_whose_worker_dies(tmp_path):
    loader = DataLoader(Photographs(kill_once(tmp_path)), 1, num_workers=1)
    with pytest.raises(InputError, match=r'died \(Killed.*; a test waited for \d.jpg$'):
        list(WatchedLoader(loader, pytest.fail))


@pytest.mark.parametrize('workers', [0, 1])
def test_waiting_is_told_again_and_again(workers, monkeypatch):
    monkeypatch.setattr(loading, 'PATIENCE', 0.2)
    told = []
    slow = Photographs(lambda: time.sleep(0.5))
    loader = WatchedLoader(DataLoader(slow, 1, num_workers=workers), told.append)
    assert len(loader) == 6
    assert loader.dataset is slow
    assert [batch.item() for batch in loader] == list(range(6))
    lines = [line for line in told if 'waiting for 4.jpg' in line]
    assert lines[0].startswith('no batch for 0.2 seconds')
    assert lines[1].startswith('no batch for 0.4 seconds')
    told.clear()
    take(slow, 4, told.append, workers)
    assert re.search(r'no batch for 0.2 seconds: waiting for .*4\.jpg', told[0])


def test_names_of_samples():
    repeated = RepeatDataset(Photographs(), 3)
    assert name_samples(repeated, [1, 7, 17]) == '1.jpg, 1.jpg, 5.jpg'
    assert name_samples([0, 1], [1]) == 'sample 1'
