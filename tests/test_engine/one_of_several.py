"""A command as one process of several: RANK RANKS PORT NAME [arguments ...].

With RANKS 1 it is the command alone; a test is started as Slurm does it, a training as
torchrun.
"""

import json
import os
import os.path as osp
import signal
import sys

import hacdr_cli

from mmcv.runner import HOOKS, Hook, get_dist_info
from torch.nn.modules.batchnorm import _BatchNorm


@HOOKS.register_module()
class RecordHook(Hook):
    """Freezes the statistics of batch normalisation; writes the losses as they are.

    Of several processes the second gets a SIGUSR1 in the second iteration.
    """

    def before_run(self, runner):
        self.losses = []

    def before_train_iter(self, runner):
        for module in runner.model.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
        if runner.iter == 1 and get_dist_info()[0] == 1:
            os.kill(os.getpid(), signal.SIGUSR1)

    def after_train_iter(self, runner):
        self.losses.append(runner.outputs['log_vars'])
        if get_dist_info()[0] == 0:
            with open(osp.join(runner.work_dir, 'losses.json'), 'w') as file:
                json.dump(self.losses, file)


def environment_of(launcher, rank, ranks):
    """Return the variables that a launcher sets, on one machine."""
    if launcher == 'slurm':
        return dict(SLURM_PROCID=rank, SLURM_LOCALID=rank, SLURM_NTASKS=ranks)
    return dict(RANK=rank, LOCAL_RANK=rank, WORLD_SIZE=ranks)


if __name__ == '__main__':
    rank, ranks, port, name = sys.argv[1:5]
    del sys.argv[1:5]
    if ranks != '1':
        launcher = 'slurm' if name == 'test' else 'pytorch'
        sys.argv += ['--launcher', launcher]
        os.environ.update(
            environment_of(launcher, rank, ranks),
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=port,
        )
    hacdr_cli.main(name)
