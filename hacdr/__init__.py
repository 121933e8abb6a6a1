"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts.

Where torch, mmcv or mmseg is missing it registers nothing, and parts that need none of
them can be imported all the same. Another mmcv than 1.x or another mmsegmentation than
0.x raises :class:`hacdr.errors.StackError`, an ImportError of one line.
"""

from .stack import check_stack, find_missing

__version__ = '0.1.0'

if not find_missing():
    check_stack()

    # torch and numpy set warning filters of their own when they are imported; inside
    # the block below these would be undone at its end.
    import torch  # noqa: F401

    from . import announcements, mmcv_ext

    # Before mmseg, which imports mmcv's operators.
    mmcv_ext.stand_in()
    with announcements.imports_silenced():
        from . import compat

    compat.apply()

    from . import datasets, engine, models  # noqa: F401
