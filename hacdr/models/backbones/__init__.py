"""Backbones."""

from .hacdr import HACDR

__all__ = ['HACDR']
