"""Training: the runner, its hooks, and checkpoints that fit or are refused."""

from .eval_history import EvalHistoryHook, read_eval_history
from .iter_ema import IterEMAHook
from .optimizers import GroupedOptimizerConstructor
from .publishing import publish_weights
from .runner import ResumableIterBasedRunner
from .time_budget import TimeBudgetHook
from .weights import check_classes, load_weights, read_checkpoint

__all__ = [
    'EvalHistoryHook',
    'GroupedOptimizerConstructor',
    'IterEMAHook',
    'ResumableIterBasedRunner',
    'TimeBudgetHook',
    'check_classes',
    'load_weights',
    'publish_weights',
    'read_checkpoint',
    'read_eval_history',
]
