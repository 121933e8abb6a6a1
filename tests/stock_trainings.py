"""Trainings of mmcv alone, 'with' or 'without' hacdr beside them (run as a script).

They write into the current folder.
"""

import os
import sys
import time

import torch
from mmcv.fileio import BaseStorageBackend, FileClient
from mmcv.runner import build_runner
from mmcv.utils import get_logger
from torch.utils.data import DataLoader, TensorDataset


@FileClient.register_backend('drawers', prefixes='drawers')
class Drawers(BaseStorageBackend):
    """Another project's storage: keeps ``drawers://a/b`` in ``drawers_a_b``."""

    def put(self, obj, filepath):
        with open(filepath.replace('://', '/').replace('/', '_'), 'wb') as file:
            file.write(obj)

    def get(self, filepath):
        raise NotImplementedError

    def get_text(self, filepath, encoding='utf-8'):
        raise NotImplementedError

    def join_path(self, filepath, *filepaths):
        return '/'.join([filepath, *filepaths])


class Model(torch.nn.Module):
    """One linear layer."""

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 1)

    def train_step(self, data, optimizer):
        loss = self.linear(data[0]).sub(1).square().mean()
        return dict(loss=loss, log_vars=dict(loss=loss.item()), num_samples=1)


def train(kind, length, resume=None, **checkpoints):
    torch.manual_seed(0)
    model = Model()
    epochs = kind == 'EpochBasedRunner'
    runner = build_runner(
        {'type': kind, 'max_epochs' if epochs else 'max_iters': length},
        dict(
            model=model,
            optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
            work_dir='work',
            logger=get_logger('stock_trainings'),
            meta=dict(exp_name='stock'),
        ),
    )
    runner.register_training_hooks(
        dict(policy='fixed'),
        dict(grad_clip=None),
        dict(interval=2, by_epoch=epochs, **checkpoints),
    )
    if resume:
        runner.resume(resume, map_location='cpu')
        print('resumed at', runner.epoch, runner.iter)
    # As long as the training: mmcv sleeps after each pass over the data.
    data = torch.arange(12.0 * (1 if epochs else length)).view(-1, 3).sin()
    runner.run([DataLoader(TensorDataset(data), batch_size=4)], [('train', 1)])
    print(type(runner).__module__, type(runner).__name__, model.linear.weight.tolist())


def main(beside):
    if beside == 'with':
        import hacdr  # noqa: F401
    # mmcv writes the time into every checkpoint.
    time.asctime = lambda *_: 'then'
    time.sleep = lambda _: None
    for kind, name in (('IterBasedRunner', 'iter'), ('EpochBasedRunner', 'epoch')):
        plain = os.path.join(name, 'plain')
        train(kind, 4, out_dir=plain)
        half = os.path.join(plain, 'work', f'{name}_2.pth')
        train(kind, 6, resume=half, out_dir=os.path.join(name, 'resumed'))
        template = f'part/{name}_{{}}.pth'
        train(kind, 2, out_dir=os.path.join(name, 'nested'), filename_tmpl=template)
        train(kind, 2, out_dir=f'drawers://{name}')


if __name__ == '__main__':
    main(*sys.argv[1:])
