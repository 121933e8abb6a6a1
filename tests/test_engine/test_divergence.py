import pytest
import torch
from mmcv.runner import Hook

from hacdr.errors import InputError

from .training import make_runner, train


class BreakWeights(Hook):
    """Leaves weights as a step that was too large does."""

    def after_train_iter(self, runner):
        if runner.iter == 4:
            torch.nn.init.constant_(runner.model.linear.weight, float('nan'))


def test_a_training_that_diverges_ends_and_its_last_checkpoint_is_sound(tmp_path):
    runner = make_runner(tmp_path, 10, hooks=[(BreakWeights(), 'LOWEST')])
    with pytest.raises(InputError, match='iteration 6: the loss is nan'):
        train(runner)
    weights = torch.load(tmp_path / 'latest.pth', weights_only=False)['state_dict']
    assert all(tensor.isfinite().all() for tensor in weights.values())
    assert (tmp_path / 'latest.pth').resolve().name == 'iter_4.pth'
