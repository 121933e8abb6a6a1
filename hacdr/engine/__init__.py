"""Training: the runner, and checkpoints that fit or are refused."""

from .runner import ResumableIterBasedRunner
from .weights import check_classes, file_sha256, load_weights

__all__ = ['ResumableIterBasedRunner', 'check_classes', 'file_sha256', 'load_weights']
