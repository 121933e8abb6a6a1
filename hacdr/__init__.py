"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts.

Where torch, mmcv or mmseg is missing it registers nothing, and parts that need none of
them can be imported all the same. Another mmcv than 1.x or another mmsegmentation than
0.x raises :class:`hacdr.errors.StackError`, an ImportError of one line.
"""

from .stack import check_stack, find_missing

__version__ = '0.1.0'

if not find_missing():
    check_stack()

    import warnings

    # Before the block, which undoes the filters that are set inside: torch and numpy
    # have their own.
    import torch  # noqa: F401

    with warnings.catch_warnings():
        # Said when mmcv 1.x imports; its users can do nothing about either.
        warnings.filterwarnings('ignore', 'On January 1, 2023, MMCV')
        warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
        from . import compat

    compat.apply()

    from . import datasets, engine, models  # noqa: F401
