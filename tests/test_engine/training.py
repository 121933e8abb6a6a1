"""A training of a tiny model, by the runner that the registry builds."""

import torch
import torch.nn as nn
from mmcv.runner import build_runner
from mmcv.utils import get_logger
from torch.utils.data import DataLoader, TensorDataset


class Model(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.linear = nn.Linear(width, 1)
        self.norm = nn.BatchNorm1d(1)
        self.drop = nn.Dropout(0.5)

    def train_step(self, data, optimizer):
        loss = self.drop(self.norm(self.linear(data[0]))).sub(1).square().mean()
        return dict(loss=loss, log_vars=dict(loss=loss.item()), num_samples=1)


def make_runner(
    work_dir,
    max_iters,
    width=3,
    hooks=(),
    interval=2,
    kind='ResumableIterBasedRunner',
):
    """Build a runner with checkpoints; hooks: (hook, priority)."""
    torch.manual_seed(0)
    model = Model(width)
    runner = build_runner(
        dict(type=kind, max_iters=max_iters),
        dict(
            model=model,
            optimizer=torch.optim.AdamW(model.parameters(), lr=0.1),
            work_dir=str(work_dir),
            logger=get_logger('test_runner'),
            meta=dict(hook_msgs=dict(best_score=0.5)),
        ),
    )
    runner.register_training_hooks(
        dict(policy='poly', power=1.0), dict(), dict(interval=interval, by_epoch=False)
    )
    for hook, priority in hooks:
        runner.register_hook(hook, priority=priority)
    return runner


def train(runner):
    """Train on one and the same batch: resuming does not change the data's order.

    One pass over the data is long: mmcv sleeps for two seconds after each.
    """
    data = torch.arange(12.0).view(4, 3).sin().repeat(100, 1)
    # A loader draws a seed when a pass begins: not from the model's random numbers.
    loader = DataLoader(
        TensorDataset(data), batch_size=4, generator=torch.Generator().manual_seed(0)
    )
    runner.run([loader], [('train', 1)])
    return runner.model.state_dict()
