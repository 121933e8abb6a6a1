"""A hook that kills the study whose training it is in; a config imports it."""

import os
import signal
import time
from pathlib import Path

from mmcv.runner import HOOKS, Hook


@HOOKS.register_module()
class KillStudyHook(Hook):
    """Kills the study before iteration ``before``, the first time it is reached."""

    def __init__(self, before):
        self.before = before

    def before_train_iter(self, runner):
        killed = Path(runner.work_dir) / 'killed'
        if runner.iter + 1 == self.before and not killed.exists():
            killed.touch()
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(60)
