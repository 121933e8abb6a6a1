import os

import pytest
import torch
import torch.nn as nn
from mmcv.runner import build_runner
from mmcv.utils import get_logger
from torch.utils.data import DataLoader, TensorDataset

from hacdr.engine import ResumableIterBasedRunner
from hacdr.errors import InputError


class Model(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.drop = nn.Dropout(0.5)

    def train_step(self, data, optimizer):
        loss = self.drop(self.linear(data[0])).square().mean()
        return dict(loss=loss, log_vars=dict(loss=loss.item()), num_samples=1)


def make_runner(work_dir, max_iters, width=3):
    torch.manual_seed(0)
    model = Model(width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    runner = build_runner(
        dict(type='IterBasedRunner', max_iters=max_iters),
        dict(
            model=model,
            optimizer=optimizer,
            work_dir=str(work_dir),
            logger=get_logger('test_runner'),
            meta=dict(hook_msgs=dict(best_score=0.5)),
        ),
    )
    runner.register_training_hooks(
        dict(policy='fixed'),
        dict(),
        dict(interval=2, by_epoch=False),
    )
    return runner


def train(runner):
    # A full batch each time: resuming does not change the order of the data.
    loader = DataLoader(TensorDataset(torch.ones(4, 3)), batch_size=4)
    runner.run([loader], [('train', 1)])
    return runner.model.state_dict()


def test_is_what_the_registry_builds(tmp_path):
    assert isinstance(make_runner(tmp_path, 1), ResumableIterBasedRunner)


def test_resumed_training_equals_an_uninterrupted_one(tmp_path):
    whole = train(make_runner(tmp_path / 'whole', 6))
    train(make_runner(tmp_path / 'parts', 4))
    runner = make_runner(tmp_path / 'parts', 6)
    torch.manual_seed(99)
    runner.resume(str(tmp_path / 'parts' / 'latest.pth'))
    assert runner.iter == 4
    resumed = train(runner)
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


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
    with pytest.raises(OSError, match='No space'):
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


def test_refuses_what_is_not_a_training(tmp_path):
    with pytest.raises(InputError, match='no such checkpoint'):
        make_runner(tmp_path, 2).resume(str(tmp_path / 'nothing.pth'))
    path = str(tmp_path / 'weights.pth')
    torch.save(dict(state_dict=Model().state_dict()), path)
    with pytest.raises(InputError, match='weights only'):
        make_runner(tmp_path, 2).resume(path)
