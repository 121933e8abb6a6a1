"""Where a hook must act among the others; refused when the training begins."""

from mmcv.runner import CheckpointHook, EvalHook, LoggerHook, OptimizerHook

from hacdr.engine.runner import ResumableIterBasedRunner
from hacdr.errors import InputError


def require_resumable(runner, hook):
    """Refuse to run a hook that keeps its state in the checkpoints of this runner.

    Raises:
        InputError: another runner.
    """
    if not isinstance(runner, ResumableIterBasedRunner):
        raise InputError(
            f"{type(hook).__name__} needs runner.type 'ResumableIterBasedRunner', got "
            f'{type(runner).__name__!r}'
        )


def require_before_checkpoints(runner, hook):
    """Refuse a hook whose work checkpoints and evaluations would see too late.

    Raises:
        InputError: its priority puts it before the optimizer, or behind a hook that
            saves or evaluates.
    """
    after, before = OptimizerHook, (CheckpointHook, EvalHook)
    _require_place(runner, hook, after, before, 'ABOVE_NORMAL')


def require_after_evaluations(runner, hook):
    """Refuse a hook that reads scores before they are there, or after they are gone.

    Raises:
        InputError: its priority puts it before an evaluation, or behind a logger, which
            empties the buffer of the scores.
    """
    _require_place(runner, hook, EvalHook, LoggerHook, 'LOW')


def _require_place(runner, hook, after, before, priority):
    """Refuse a hook that does not act after and before hooks of some classes."""
    place = runner.hooks.index(hook)
    early = [other for other in runner.hooks[place:] if isinstance(other, after)]
    late = [other for other in runner.hooks[:place] if isinstance(other, before)]
    for where, others in (('before', early), ('after', late)):
        if others:
            raise InputError(
                f'{type(hook).__name__} acts {where} {type(others[0]).__name__}, '
                f'expected the order of priority={priority!r}'
            )
