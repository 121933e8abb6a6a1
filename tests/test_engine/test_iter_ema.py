import pytest
import torch
from mmcv.runner import EMAHook, Hook

from hacdr.engine import IterEMAHook, load_weights
from hacdr.errors import InputError

from .training import Model, make_runner, train


class Seen(Hook):
    """Keeps the weights after each optimizer step, and as evaluations see them."""

    def __init__(self):
        self.trained, self.evaluated = [], []

    def after_train_iter(self, runner):
        self.evaluated.append(copied(runner.model))

    def trained_part(self):
        outer = self

        class Part(Hook):
            def after_train_iter(self, runner):
                outer.trained.append(copied(runner.model))

        return Part()


def copied(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def run(folder, max_iters, *hooks, resume=None):
    seen = Seen()
    runner = make_runner(
        folder,
        max_iters,
        hooks=[
            (seen.trained_part(), 'ABOVE_NORMAL'),
            *((hook, 'ABOVE_NORMAL') for hook in hooks),
            (seen, 'LOW'),
        ],
    )
    # The same schedule whatever the length.
    runner._hooks = [h for h in runner._hooks if 'Lr' not in type(h).__name__]
    if resume:
        runner.resume(resume)
    train(runner)
    return seen


def test_evaluations_see_the_average_and_training_does_not(tmp_path):
    torch.manual_seed(0)
    average = copied(Model())
    plain = run(tmp_path / 'plain', 6)
    seen = run(tmp_path / 'average', 6, IterEMAHook(decay=0.5))
    for t, (ours, theirs) in enumerate(zip(seen.trained, plain.trained), 1):
        decay = min(0.5, (1 + t) / (10 + t))
        for name, tensor in ours.items():
            assert torch.equal(tensor, theirs[name]), name
            if tensor.is_floating_point():
                average[name] = decay * average[name] + (1 - decay) * tensor
            else:
                average[name] = tensor
            torch.testing.assert_close(seen.evaluated[t - 1][name], average[name])
    assert not torch.equal(
        seen.trained[-1]['linear.weight'], seen.evaluated[-1]['linear.weight']
    )


def test_a_checkpoint_holds_the_average_and_fits_the_model(tmp_path):
    seen = run(tmp_path, 4, IterEMAHook(decay=0.9))
    model = Model()
    load_weights(model, str(tmp_path / 'latest.pth'))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, seen.evaluated[-1][name]), name


def test_a_resumed_training_equals_an_uninterrupted_one(tmp_path):
    whole = run(tmp_path / 'whole', 6, IterEMAHook(decay=0.9))
    run(tmp_path / 'parts', 4, IterEMAHook(decay=0.9))
    resumed = run(
        tmp_path / 'parts',
        6,
        IterEMAHook(decay=0.9),
        resume=str(tmp_path / 'parts' / 'latest.pth'),
    )
    for kind in ('trained', 'evaluated'):
        expected, got = getattr(whole, kind)[-1], getattr(resumed, kind)[-1]
        for name, tensor in expected.items():
            assert torch.equal(tensor, got[name]), (kind, name)


def test_a_training_that_averages_is_not_resumed_without(tmp_path):
    run(tmp_path, 2, IterEMAHook(decay=0.9))
    path = str(tmp_path / 'latest.pth')
    runner = make_runner(tmp_path, 4)
    before = copied(runner.model)
    with pytest.raises(InputError, match='expected IterEMAHook in custom_hooks') as got:
        runner.resume(path)
    assert '\n' not in str(got.value)
    for name, tensor in runner.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    runner.load_checkpoint(path)


def test_mmcvs_own_hook_still_does_not_do(tmp_path):
    """Why there is one here; when this fails, that one may have learnt it."""
    seen = run(tmp_path, 4, EMAHook(momentum=0.5))
    trained, evaluated = seen.trained[-1], seen.evaluated[-1]
    assert torch.equal(trained['linear.weight'], evaluated['linear.weight'])
    names = torch.load(str(tmp_path / 'latest.pth'))['state_dict']
    assert any(name.startswith('ema_') for name in names)


def test_decay():
    with pytest.raises(ValueError, match=r'got 1\.0'):
        IterEMAHook(1.0)
