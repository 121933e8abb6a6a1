"""Training: the runner, its hooks, and checkpoints that fit or are refused."""

from .hooks import ScoreHistory, TrainingClock, read_score_history
from .optimizers import GroupedOptimizerConstructor
from .runner import ResumableIterBasedRunner
from .weight_average import WeightAverageHook
from .weights import (
    check_classes,
    file_sha256,
    load_weights,
    publish_weights,
    read_checkpoint,
)

__all__ = [
    'GroupedOptimizerConstructor',
    'ResumableIterBasedRunner',
    'ScoreHistory',
    'TrainingClock',
    'WeightAverageHook',
    'check_classes',
    'file_sha256',
    'load_weights',
    'publish_weights',
    'read_checkpoint',
    'read_score_history',
]
