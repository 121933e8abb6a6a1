"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts."""

from . import compat

compat.apply()

from . import datasets, engine, models  # noqa: E402, F401

__version__ = '0.1.0'
