"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts."""

import warnings

# Before the block, which undoes the filters that are set inside: torch and numpy have
# their own.
import torch  # noqa: F401

with warnings.catch_warnings():
    # Said when mmcv 1.x imports; its users can do nothing about either.
    warnings.filterwarnings('ignore', 'On January 1, 2023, MMCV')
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
    from . import compat

compat.apply()

from . import datasets, engine, models  # noqa: E402, F401

__version__ = '0.1.0'
