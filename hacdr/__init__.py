"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts."""

from . import datasets, models  # noqa: F401

__version__ = '0.1.0'
