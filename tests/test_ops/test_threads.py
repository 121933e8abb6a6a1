import multiprocessing
import threading

import pytest

from hacdr.ops import threads


@pytest.fixture(params=['openmp', 'pool'])
def team(request, monkeypatch):
    if request.param == 'pool':
        monkeypatch.setattr(threads, '_openmp', lambda: None)
    elif threads._openmp() is None:
        pytest.skip('torch runs on no OpenMP library that can be reached')


def test_every_call_is_made_once(team):
    done = []
    threads.run_together([lambda i=i: done.append(i) for i in range(7)])
    assert sorted(done) == list(range(7))


def test_calls_run_at_the_same_time(team):
    # Alone, each would wait for the other until the barrier breaks.
    barrier = threading.Barrier(2, timeout=30)
    threads.run_together([barrier.wait, barrier.wait])


def test_an_error_reaches_the_caller_after_the_others_are_done(team):
    done = []

    def fail():
        raise ValueError('bad luck')

    with pytest.raises(ValueError, match='bad luck'):
        threads.run_together([fail, lambda: done.append(1), lambda: done.append(2)])
    assert sorted(done) == [1, 2]


def _child(queue):
    done = []
    threads.run_together([lambda: done.append(1), lambda: done.append(2)])
    queue.put(sorted(done))


def test_a_forked_child_has_threads_too(team):
    threads.run_together([lambda: None, lambda: None])
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,), daemon=True)
    child.start()
    assert queue.get(timeout=60) == [1, 2]
    child.join(60)


def test_this_machine_uses_the_library_of_torch():
    library = threads._openmp()
    if library is None:
        pytest.skip('torch runs on no OpenMP library that can be reached')
    assert 'omp' in library._name
