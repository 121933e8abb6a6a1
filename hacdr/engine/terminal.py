"""What a user sees of a training and of a test, while mmcv and mmseg work.

They log their configs, hooks and initial weights, which is for the log file. On the
terminal stand warnings, what hacdr itself has to say, and one progress bar.
"""

import logging
from collections import deque
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import mmcv
from mmcv.runner import Hook, master_only
from mmcv.utils import get_logger
from tqdm import tqdm

from hacdr.progress import progress_bar

PACKAGE = str(Path(__file__).resolve().parents[1])
LOGGERS = 'hacdr', 'mmcv', 'mmseg'
DETAILED = logging.Formatter('%(asctime)s - %(name)s - %(levelname)s - %(message)s')
# Iterations whose mean loss is shown.
SHOWN_LOSSES = 50


def open_terminal(level, verbose):
    """Show on the terminal what is logged.

    Args:
        level (str | int): of mmcv's and mmseg's loggers, as the config has it.
        verbose (bool): all of it, not only what is for the user.

    Returns:
        logging.Logger: mmseg's.
    """
    handler = _Terminal()
    handler.setFormatter(DETAILED if verbose else _Plain())
    if not verbose:
        handler.addFilter(_is_for_the_user)
    for name in LOGGERS[1:]:
        get_logger(name, log_level=level)
    for name in LOGGERS:
        logging.getLogger(name).handlers = [handler]
    return logging.getLogger('mmseg')


def open_log(path):
    """Write from now on all that is logged to a file too.

    Args:
        path (str): the file.
    """
    handler = logging.FileHandler(path)
    handler.setFormatter(DETAILED)
    for name in LOGGERS:
        logging.getLogger(name).addHandler(handler)


def _is_for_the_user(record):
    """Tell whether a record is a warning, or a line of ours."""
    ours = record.pathname.startswith(PACKAGE)
    return record.levelno >= logging.WARNING or (
        ours and '\n' not in record.getMessage()
    )


class _Plain(logging.Formatter):
    def format(self, record):
        is_warning = record.levelno >= logging.WARNING
        return f'{"warning: " if is_warning else ""}{super().format(record)}'


class _Terminal(logging.StreamHandler):
    """Writes beside a progress bar, not into it."""

    def emit(self, record):
        with tqdm.external_write_mode(self.stream):
            super().emit(record)


@contextmanager
def training_bar():
    """Show a training as a bar, with its loss and its evaluations.

    Yields:
        dict: a hook for ``custom_hooks`` that does it.
    """
    with ExitStack() as stack:
        yield dict(type=_TrainingBar, stack=stack, priority='LOW')


class _TrainingBar(Hook):
    """Needs a place after evaluations and before loggers, which empty the buffer."""

    def __init__(self, stack):
        self.stack = stack
        self.losses = deque(maxlen=SHOWN_LOSSES)
        self.best = None

    @master_only
    def before_run(self, runner):
        self.bar = self.stack.enter_context(
            progress_bar(
                total=runner.max_iters,
                initial=runner.iter,
                desc='training',
                smoothing=0,
            )
        )
        self.stack.enter_context(_bars_of_mmseg(partial(_Evaluation, self.bar)))
        self.best = _best_checkpoint(runner)

    @master_only
    def after_train_iter(self, runner):
        figures = runner.log_buffer.output
        if 'eval_iter_num' in figures:
            best, self.best = self.best, _best_checkpoint(runner)
            runner.logger.info(
                'iteration %d: %s%s',
                runner.iter + 1,
                ', '.join(
                    f'{name} {value:.3f}'
                    for name, value in figures.items()
                    if name != 'eval_iter_num' and '.' not in name
                ),
                '' if self.best == best else '; the best so far',
            )
        # A training of a given time finds out on its way how many there will be.
        self.bar.total = runner.max_iters
        self.losses.append(runner.outputs['log_vars']['loss'])
        mean = sum(self.losses) / len(self.losses)
        self.bar.set_postfix_str(f'loss {mean:.3f}', refresh=False)
        self.bar.update()


def _best_checkpoint(runner):
    return ((runner.meta or {}).get('hook_msgs') or {}).get('best_ckpt')


class _Evaluation:
    """An evaluation during a training: it stands at the end of the training's bar."""

    def __init__(self, bar, total):
        self.bar = bar
        self.total = total
        self.done = 0

    def update(self):
        self.done += 1
        self.bar.set_postfix_str(f'evaluating {self.done}/{self.total}')


@contextmanager
def test_bar():
    """Show a test as a bar."""
    with ExitStack() as stack:

        def begin(total):
            bar = progress_bar(total=total, desc='test', unit='photograph')
            return stack.enter_context(bar)

        with _bars_of_mmseg(begin):
            yield


@contextmanager
def _bars_of_mmseg(begin):
    """Let mmseg's tests show bars of ours: ``begin(total)`` has ``update()``."""
    before, mmcv.ProgressBar = mmcv.ProgressBar, begin
    try:
        yield
    finally:
        mmcv.ProgressBar = before
