"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts."""

# Before the block, which undoes the filters that are set inside: torch and numpy have
# their own.
import torch  # noqa: F401

from . import announcements, mmcv_ext

# Before mmseg, which imports mmcv's operators.
mmcv_ext.stand_in()
with announcements.imports_silenced():
    from . import compat

compat.apply()

from . import datasets, engine, models  # noqa: E402, F401

__version__ = '0.1.0'
