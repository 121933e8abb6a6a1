import multiprocessing
import os

import numpy as np
import pytest

from hacdr.datasets.cache import ArrayCache
from hacdr.errors import InputError

# An array and its header.
ONE = 100_000 + 4096


def make(value):
    return lambda: np.full(100_000, value, np.uint8)


def fail():
    raise AssertionError('made again')


@pytest.fixture
def sources(tmp_path):
    paths = [tmp_path / f'{i}.jpg' for i in range(9)]
    for path in paths:
        path.write_bytes(b'x')
    return paths


def files(folder):
    return sorted(path.name for path in folder.glob('*.npy'))


def held(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def test_made_once(tmp_path, sources):
    cache = ArrayCache(tmp_path / 'cache', 1)
    cache.get(sources[0], 'half', make(7))
    array = cache.get(sources[0], 'half', fail)
    assert (array == 7).all()
    assert ArrayCache(tmp_path / 'cache', 1).get(sources[0], 'half', fail)[0] == 7


def test_what_is_made_of_it_matters(tmp_path, sources):
    cache = ArrayCache(tmp_path / 'cache', 1)
    cache.get(sources[0], 'half', make(7))
    assert cache.get(sources[0], 'quarter', make(8))[0] == 8
    assert cache.get(sources[1], 'half', make(9))[0] == 9


@pytest.mark.parametrize('change', ['time', 'size'])
def test_a_source_that_changed_is_read_again(tmp_path, sources, change):
    cache = ArrayCache(tmp_path / 'cache', 1)
    cache.get(sources[0], 'half', make(7))
    if change == 'time':
        os.utime(sources[0], ns=(1, 1))
    else:
        stat = sources[0].stat()
        sources[0].write_bytes(b'xy')
        os.utime(sources[0], ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert cache.get(sources[0], 'half', make(8))[0] == 8


def test_writing_to_an_array_does_not_change_the_cache(tmp_path, sources):
    cache = ArrayCache(tmp_path / 'cache', 1)
    cache.get(sources[0], 'half', make(7))
    cache.get(sources[0], 'half', fail)[:] = 0
    assert cache.get(sources[0], 'half', fail)[0] == 7


def test_what_is_in_use_is_never_thrown_away(tmp_path, sources):
    cache = ArrayCache(tmp_path / 'cache', 3 * ONE / 1e9)
    for value, source in enumerate(sources):
        assert cache.get(source, 'half', make(value))[0] == value
    assert len(files(tmp_path / 'cache')) == 3
    assert held(tmp_path / 'cache') <= 3 * ONE
    for source in sources[:3]:
        cache.get(source, 'half', fail)


def test_the_oldest_of_an_earlier_training_make_room(tmp_path, sources):
    folder = tmp_path / 'cache'
    earlier = ArrayCache(folder, 3 * ONE / 1e9)
    for value, source in enumerate(sources[:3]):
        earlier.get(source, 'half', make(value))
    for age, path in enumerate(sorted(folder.glob('*.npy'))):
        os.utime(path, ns=(age, age))
    oldest, *others = files(folder)
    cache = ArrayCache(folder, 3 * ONE / 1e9)
    cache.get(sources[5], 'half', make(5))
    assert oldest not in files(folder)
    assert set(others) < set(files(folder))
    assert cache.get(sources[5], 'half', fail)[0] == 5


def test_larger_than_the_cache(tmp_path, sources):
    cache = ArrayCache(tmp_path / 'cache', 1e-5)
    assert cache.get(sources[0], 'half', make(3))[0] == 3
    assert files(tmp_path / 'cache') == []


@pytest.mark.parametrize('kept', [0, 90, 5000])
def test_a_damaged_file_is_made_again(tmp_path, sources, kept):
    cache = ArrayCache(tmp_path / 'cache', 1)
    cache.get(sources[0], 'half', make(7))
    (path,) = (tmp_path / 'cache').glob('*.npy')
    path.write_bytes(path.read_bytes()[:kept])
    assert cache.get(sources[0], 'half', make(8))[0] == 8
    assert cache.get(sources[0], 'half', fail)[0] == 8


def test_what_a_killed_process_left_is_removed(tmp_path, sources):
    cache = ArrayCache(tmp_path / 'cache', 1)
    (tmp_path / 'cache' / 'left.tmp').write_bytes(b'123')
    cache.get(sources[0], 'half', make(7))
    assert not list((tmp_path / 'cache').glob('*.tmp'))


def test_a_disk_that_is_full(tmp_path, sources, monkeypatch, caplog):
    cache = ArrayCache(tmp_path / 'cache', 1)

    def save(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(np, 'save', save)
    for _ in range(2):
        assert cache.get(sources[0], 'half', make(7))[0] == 7
    (line,) = caplog.messages
    assert 'cannot be written (No space left on device), going on without' in line
    assert not list((tmp_path / 'cache').glob('*.tmp'))


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(InputError, match='cache folder cannot be made'):
        ArrayCache(tmp_path / 'file' / 'cache', 1)


def test_size(tmp_path):
    with pytest.raises(ValueError, match='above 0 gigabytes, got 0'):
        ArrayCache(tmp_path / 'cache', 0)


def _work(folder, sources, seed, queue):
    cache = ArrayCache(folder, 4 * ONE / 1e9)
    good = True
    for k in np.random.default_rng(seed).integers(0, len(sources), 150):
        array = cache.get(sources[k], 'half', make(k))
        good = good and len(array) == 100_000 and bool((array == k).all())
    queue.put(good)


def test_several_processes_at_once(tmp_path, sources):
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    folder = tmp_path / 'cache'
    workers = [
        context.Process(target=_work, args=(folder, sources, seed, queue), daemon=True)
        for seed in range(4)
    ]
    for worker in workers:
        worker.start()
    assert all(queue.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join()
    assert held(folder) <= 4 * ONE
    assert not list(folder.glob('*.tmp'))
