import os

import pytest
import torch
from mmcv.runner import DistEvalHook, EvalHook, Hook, TextLoggerHook
from torch.utils.data import DataLoader

import hacdr
from hacdr.engine import (
    EvalHistoryHook,
    IterEMAHook,
    ResumableIterBasedRunner,
    TimeBudgetHook,
)
from hacdr.errors import InputError

from .training import Model, make_runner, train


def test_is_what_the_registry_builds(tmp_path):
    assert isinstance(make_runner(tmp_path, 1), ResumableIterBasedRunner)


@pytest.mark.parametrize('hook', [EvalHook, DistEvalHook])
def test_evaluates_by_iteration_whatever_the_hook_was_told(tmp_path, hook):
    """mmseg 0.30 tells it to count epochs where the runner's type is not mmcv's."""
    evaluated = []

    class Evaluation(hook):
        def _do_evaluate(self, runner):
            evaluated.append(runner.iter + 1)

    evaluation = Evaluation(DataLoader([0]), interval=2, by_epoch=True)
    train(make_runner(tmp_path, 5, hooks=[(evaluation, 'LOW')]))
    assert evaluated == [2, 4]


@pytest.mark.parametrize('hook', [EvalHistoryHook, TimeBudgetHook, IterEMAHook])
def test_hooks_with_state_refuse_the_runner_of_mmcv(tmp_path, hook):
    runner = make_runner(tmp_path, 2, hooks=[(hook(), 'LOW')], kind='IterBasedRunner')
    with pytest.raises(InputError, match=f'{hook.__name__} needs .* got .IterBased'):
        train(runner)


@pytest.mark.parametrize('hook', [TimeBudgetHook, IterEMAHook])
@pytest.mark.parametrize(
    ('priority', 'place'),
    [
        ('VERY_LOW', 'after CheckpointHook'),
        ('HIGH', 'before OptimizerHook'),
    ],
)
def test_hooks_that_checkpoints_would_see_too_late(tmp_path, hook, priority, place):
    runner = make_runner(tmp_path, 2, hooks=[(hook(), priority)])
    with pytest.raises(InputError, match=f'{hook.__name__} acts {place}.*ABOVE_NORMAL'):
        train(runner)
    assert not list(tmp_path.iterdir())


def test_hooks_that_an_evaluation_would_see_too_late(tmp_path):
    evaluation = EvalHook(DataLoader([0]), interval=2, by_epoch=False)
    hooks = [(evaluation, 'ABOVE_NORMAL'), (IterEMAHook(), 'ABOVE_NORMAL')]
    with pytest.raises(InputError, match='IterEMAHook acts after EvalHook'):
        train(make_runner(tmp_path, 2, hooks=hooks))


@pytest.mark.parametrize(
    ('priority', 'place'),
    [('ABOVE_NORMAL', 'before EvalHook'), ('LOWEST', 'after TextLoggerHook')],
)
def test_history_where_there_are_no_scores(tmp_path, priority, place):
    evaluation = EvalHook(DataLoader([0]), interval=2, by_epoch=False)
    hooks = [(evaluation, 'LOW'), (EvalHistoryHook(), priority)]
    runner = make_runner(tmp_path, 2, hooks=hooks)
    runner.register_hook(TextLoggerHook(by_epoch=False), 'VERY_LOW')
    with pytest.raises(InputError, match=f'EvalHistoryHook acts {place}.*LOW'):
        train(runner)


def test_resumed_training_equals_an_uninterrupted_one(tmp_path):
    whole = train(make_runner(tmp_path / 'whole', 6))
    runner = make_runner(tmp_path / 'parts', 6)
    runner.extra_state['kept'] = [1, 2]
    interrupt_after(runner, 4)
    runner = make_runner(tmp_path / 'parts', 6)
    torch.manual_seed(99)
    runner.resume(str(tmp_path / 'parts' / 'latest.pth'))
    assert runner.iter == 4
    assert runner.extra_state == dict(kept=[1, 2])
    resumed = train(runner)
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


@pytest.mark.parametrize('state', [dict(scale=512.0, _growth_tracker=3), {}])
def test_the_loss_scale_survives(tmp_path, state):
    runner = make_runner(tmp_path, 2)
    runner.meta['fp16'] = dict(loss_scaler=state)
    train(runner)
    resumed = make_runner(tmp_path, 4)
    resumed.resume(str(tmp_path / 'latest.pth'))
    # An empty state is that of a training without a GPU, which a scaler refuses.
    assert resumed.meta.get('fp16', {}).get('loss_scaler') == (state or None)


def test_a_loss_scale_that_mmseg_ignores(tmp_path):
    """mmseg's own train.py, which checks no config, hands it on as text."""
    runner = make_runner(tmp_path, 2)
    runner.meta['config'] = 'fp16 = dict(loss_scale=512.0)\noptimizer_config = dict()\n'
    with pytest.raises(InputError, match='would train in float32'):
        runner.register_training_hooks(dict(policy='poly', power=1.0))


def interrupt_after(runner, iterations):
    class Interrupted(Exception):
        pass

    class Interrupt(Hook):
        def after_train_iter(self, runner):
            if runner.iter + 1 == iterations:
                raise Interrupted

    runner.register_hook(Interrupt(), priority='VERY_LOW')
    with pytest.raises(Interrupted):
        train(runner)


def test_the_best_score_survives(tmp_path):
    runner = make_runner(tmp_path, 2)
    runner.meta['hook_msgs']['best_score'] = 0.75
    train(runner)
    resumed = make_runner(tmp_path, 4)
    resumed.resume(str(tmp_path / 'latest.pth'))
    assert resumed.meta['hook_msgs']['best_score'] == 0.75


def test_a_write_that_fails_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    runner = make_runner(tmp_path, 2)
    train(runner)
    before = torch.load(str(tmp_path / 'latest.pth'))['meta']['iter']

    def full_disk(obj, file, *args, **kwargs):
        file.write(b'half')
        raise OSError('No space left on device')

    monkeypatch.setattr(torch, 'save', full_disk)
    with pytest.raises(InputError, match=r'cannot be written \(No space'):
        runner.save_checkpoint(str(tmp_path))
    monkeypatch.undo()
    assert torch.load(str(tmp_path / 'latest.pth'))['meta']['iter'] == before
    assert os.readlink(str(tmp_path / 'latest.pth')) == 'iter_2.pth'


def test_refuses_another_architecture(tmp_path):
    train(make_runner(tmp_path, 2))
    with pytest.raises(
        InputError, match=r'linear\.weight \(1, 3\) instead of \(1, 5\)'
    ):
        make_runner(tmp_path, 2, width=5).resume(str(tmp_path / 'latest.pth'))


@pytest.mark.parametrize(
    ('env_info', 'version'), [('a: 1\nhacdr: 0.0.9', '0.0.9'), (None, 'not stored')]
)
def test_refuses_another_optimizer(tmp_path, env_info, version):
    runner = make_runner(tmp_path, 2)
    runner.meta['env_info'] = env_info
    train(runner)
    other = make_runner(tmp_path, 2)
    weights = list(other.model.parameters())
    other.optimizer = torch.optim.AdamW([dict(params=[one]) for one in weights], lr=1)
    with pytest.raises(InputError, match='optimizer does not fit: loaded') as caught:
        other.resume(str(tmp_path / 'latest.pth'))
    told = f'or version of hacdr ({version}, here {hacdr.__version__}); expected the '
    assert told in str(caught.value)
    assert str(caught.value).endswith('or --load-from to take its weights alone')


def test_refuses_what_is_not_a_training(tmp_path):
    with pytest.raises(InputError, match='no such checkpoint'):
        make_runner(tmp_path, 2).resume(str(tmp_path / 'nothing.pth'))
    path = str(tmp_path / 'weights.pth')
    torch.save(dict(state_dict=Model().state_dict()), path)
    with pytest.raises(InputError, match='weights only'):
        make_runner(tmp_path, 2).resume(path)
