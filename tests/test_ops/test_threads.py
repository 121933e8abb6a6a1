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


# Another process interrupts this one whenever it is ready for the next interrupt.
INTERRUPTED = """
import os
import random
import signal
import time

process = os.getpid()
ready, say_ready = os.pipe()
if not os.fork():
    os.close(say_ready)
    wait = random.Random(0)
    while os.read(ready, 1):
        time.sleep(wait.uniform(0, 0.01))
        os.kill(process, signal.SIGINT)
    os._exit(0)

import torch
from hacdr.ops import modulated_deform_conv2d
from hacdr.ops.threads import run_together

# Tests that run in the background of a shell inherit that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
torch.set_num_threads(2)
x = torch.rand(1, 32, 32, 32, requires_grad=True)
weight = torch.rand(32, 1, 3, 3, requires_grad=True)
offset, mask = torch.rand(1, 18, 32, 32), torch.rand(1, 9, 32, 32)


def work():
    while True:
        out = modulated_deform_conv2d(x, offset, mask, weight, padding=1, groups=32)
        out.sum().backward()
        for _ in range(10):
            # Nothing but beginnings and ends, where an interrupt gets lost first.
            run_together([lambda: None, lambda: None])


modulated_deform_conv2d(x, offset, mask, weight, padding=1, groups=32).sum().backward()
interrupts = 0
while interrupts < 100:
    # It works on where one was lost, and is ended.
    signal.alarm(120)
    try:
        os.write(say_ready, b'.')
        work()
    except KeyboardInterrupt:
        interrupts += 1
print(interrupts)
"""


def test_no_interrupt_is_swallowed(run_code):
    result = run_code(INTERRUPTED)
    assert result.returncode == 0, result.stderr
    assert result.stdout == '100\n'
    assert 'Exception ignored' not in result.stderr
