"""Training: the runner."""

from .runner import ResumableIterBasedRunner

__all__ = ['ResumableIterBasedRunner']
