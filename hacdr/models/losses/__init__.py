"""Losses."""

from .na_loss import NALoss

__all__ = ['NALoss']
