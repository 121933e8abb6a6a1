"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts."""

import warnings

with warnings.catch_warnings():
    # Said whenever mmcv 1.x is imported; its users can do nothing about either.
    warnings.filterwarnings('ignore', 'On January 1, 2023, MMCV')
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
    from . import compat

compat.apply()

from . import datasets, engine, models  # noqa: E402, F401

__version__ = '0.1.0'
