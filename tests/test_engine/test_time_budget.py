import json
from types import SimpleNamespace

import pytest
import torch
from mmcv.runner import EvalHook, Hook
from torch.utils.data import DataLoader

from hacdr.engine import EvalHistoryHook, TimeBudgetHook, read_eval_history

from .training import make_runner, train


class Time:
    """A clock on which an iteration takes ten seconds, and nothing else any."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        for module in ('time_budget', 'runner'):
            fake = SimpleNamespace(
                monotonic=lambda: self.now, process_time=lambda: self.now / 2
            )
            monkeypatch.setattr(f'hacdr.engine.{module}.time', fake)

    def iteration(self):
        return _Passing(self, 10), 'VERY_HIGH'

    def evaluation(self):
        return _Passing(self, 500), 'LOW'


class _Passing(Hook):
    def __init__(self, time, seconds):
        self.time, self.seconds = time, seconds

    def after_train_iter(self, runner):
        self.time.now += self.seconds


class Rates(Hook):
    def __init__(self):
        self.seen = []

    def before_train_iter(self, runner):
        self.seen.append(runner.optimizer.param_groups[0]['lr'])


@pytest.fixture
def clock(monkeypatch):
    return Time(monkeypatch)


def timed(folder, clock, minutes, *more, max_iters=3):
    hooks = [
        clock.iteration(),
        clock.evaluation(),
        (TimeBudgetHook(minutes), 'ABOVE_NORMAL'),
        *more,
    ]
    return make_runner(folder, max_iters, hooks=hooks, interval=4)


def record(folder):
    return json.loads((folder / 'training.json').read_text())


@pytest.mark.parametrize(('minutes', 'iterations'), [(1, 6), (1.1, 7), (0.1, 1)])
def test_stops_when_the_time_is_used_up(tmp_path, clock, minutes, iterations):
    """Evaluations are free, and the configured number of iterations says nothing."""
    train(timed(tmp_path, clock, minutes))
    assert record(tmp_path) == dict(iterations=iterations, seconds=10 * iterations)
    checkpoint = torch.load(str(tmp_path / 'latest.pth'))
    assert checkpoint['meta']['iter'] + 1 == iterations


def test_without_a_limit_the_runner_decides(tmp_path, clock):
    train(timed(tmp_path, clock, None))
    assert record(tmp_path) == dict(iterations=3, seconds=30)


def test_processor_time(tmp_path, clock):
    """Half of the time the processor did something else."""
    hooks = [clock.iteration(), (TimeBudgetHook(1, clock='processor'), 'ABOVE_NORMAL')]
    train(make_runner(tmp_path, 3, hooks=hooks))
    assert record(tmp_path) == dict(iterations=12, seconds=60)


def test_a_resumed_training_goes_on_counting(tmp_path, clock):
    class Killed(Exception):
        pass

    class Kill(Hook):
        def after_train_iter(self, runner):
            if runner.iter + 1 == 6:
                raise Killed

    with pytest.raises(Killed):
        train(timed(tmp_path, clock, 1.5, (Kill(), 'VERY_LOW')))
    assert not (tmp_path / 'training.json').exists()
    runner = timed(tmp_path, clock, 1.5)
    runner.resume(str(tmp_path / 'iter_4.pth'))
    train(runner)
    assert record(tmp_path) == dict(iterations=9, seconds=90)


def test_a_training_that_was_not_timed_before(tmp_path, clock):
    train(make_runner(tmp_path, 4, interval=4))
    runner = timed(tmp_path, clock, 1)
    runner.resume(str(tmp_path / 'iter_4.pth'))
    train(runner)
    assert record(tmp_path) == dict(iterations=10, seconds=60)


def test_nothing_is_left_to_do_for_a_training_out_of_time(tmp_path, clock):
    train(timed(tmp_path, clock, 1))
    (tmp_path / 'training.json').unlink()
    runner = timed(tmp_path, clock, 1)
    runner.resume(str(tmp_path / 'latest.pth'))
    train(runner)
    assert record(tmp_path) == dict(iterations=6, seconds=60)


def test_the_schedule_follows_the_time(tmp_path, clock):
    rates = Rates()
    train(timed(tmp_path, clock, 1, (rates, 'VERY_LOW'), max_iters=1000))
    assert rates.seen == pytest.approx([0.1 * (1 - k / 6) for k in range(6)])


def test_arguments():
    with pytest.raises(ValueError, match='got 0'):
        TimeBudgetHook(0)
    with pytest.raises(ValueError, match='need minutes'):
        TimeBudgetHook(evaluations=3)
    with pytest.raises(ValueError, match=r'clock must be one of .* got .cpu.'):
        TimeBudgetHook(clock='cpu')


@pytest.mark.parametrize(
    ('evaluations', 'after'),
    [(None, [4, 8, 12]), (0, []), (1, [6]), (2, [4, 8]), (5, [2, 4, 6, 8, 10])],
)
def test_evaluations_at_equal_distances_of_time(tmp_path, clock, evaluations, after):
    """Twelve iterations fit in; the config asks for one after every fourth."""
    evaluated = []

    class Evaluation(EvalHook):
        def _do_evaluate(self, runner):
            evaluated.append(runner.iter + 1)

    evaluation = Evaluation(DataLoader([0]), interval=4, by_epoch=False)
    hooks = [
        clock.iteration(),
        (TimeBudgetHook(2, evaluations), 'ABOVE_NORMAL'),
        (evaluation, 'LOW'),
    ]
    train(make_runner(tmp_path, 3, hooks=hooks))
    assert record(tmp_path)['iterations'] == 12
    assert evaluated == after


class Evaluation(Hook):
    """Leaves in the log buffer what mmcv's EvalHook leaves."""

    def __init__(self, scores):
        self.scores = scores

    def after_train_iter(self, runner):
        if runner.iter + 1 in self.scores:
            runner.log_buffer.output['eval_iter_num'] = 10
            runner.log_buffer.output['mAUPR'] = self.scores[runner.iter + 1]


def test_history_of_the_scores(tmp_path, clock):
    def part(scores, max_iters):
        return timed(
            tmp_path,
            clock,
            None,
            (Evaluation(scores), 'LOW'),
            (EvalHistoryHook(), 'LOW'),
            max_iters=max_iters,
        )

    assert read_eval_history(str(tmp_path)) == []
    train(part({3: 0.1, 5: 0.2}, 5))
    # Cut off while it wrote, and resumed from before the second evaluation.
    with open(tmp_path / 'scores.jsonl', 'a') as file:
        file.write('{"iteration": 5, "sec')
    runner = part({5: 0.3}, 6)
    runner.resume(str(tmp_path / 'iter_4.pth'))
    train(runner)
    assert read_eval_history(str(tmp_path)) == [
        dict(iteration=3, seconds=30, mAUPR=0.1),
        dict(iteration=5, seconds=50, mAUPR=0.3),
    ]
