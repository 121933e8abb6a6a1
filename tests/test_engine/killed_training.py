"""``hacdr train`` that kills itself: the script of test_bit_for_bit.py.

``KillHook.at`` says where: 'train-5' is in the middle of iteration 5, 'evaluate-4'
after the evaluation of iteration 4 and before what follows it.
"""

import os
import signal

import hacdr_cli

from mmcv.runner import HOOKS, Hook


@HOOKS.register_module()
class KillHook(Hook):
    """Kills the training; has the priority 'LOW', behind the evaluation."""

    def __init__(self, at='nothing-0'):
        self.what, number = at.split('-')
        self.number = int(number)

    def before_train_iter(self, runner):
        if self.what == 'train' and runner.iter + 1 == self.number:
            os.kill(os.getpid(), signal.SIGKILL)

    def after_train_iter(self, runner):
        if self.what == 'evaluate' and runner.iter + 1 == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


hacdr_cli.main('train')
