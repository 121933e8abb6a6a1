"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts.

Where torch, mmcv or mmseg is missing it registers nothing, and parts that need none of
them can be imported all the same; a command registers them when it needs them
(``loads_stack`` in hacdr_cli.py). A version of theirs that is not supported raises
:class:`hacdr.errors.StackError`, an ImportError of one line.
"""

import sys

from .stack import check_stack, find_missing

__version__ = '0.1.0'


def _is_passed_through():
    """Tell whether Python is on its way to __main__: it imports the package again."""
    command = getattr(sys, 'orig_argv', [])
    if sys.argv[:1] != ['-m'] or '-m' not in command:
        return False
    return command[command.index('-m') + 1] == __name__


def _is_for_a_command():
    entry = sys.modules.get('hacdr_cli')
    return entry is not None and not entry.loads_stack


def register_parts():
    """Register the parts of this package with mmseg; once, however often it is called.

    Where torch, mmcv or mmseg is missing it does nothing.

    Raises:
        StackError: one of them is of a version that is not supported.
    """
    global _are_registered
    if _are_registered or find_missing():
        return
    check_stack()

    # torch and numpy set warning filters of their own when they are imported; inside
    # the block below these would be undone at its end.
    import torch  # noqa: F401

    from . import announcements, mmcv_ext

    # Before mmseg, which imports mmcv's operators.
    mmcv_ext.stand_in()
    with announcements.silence_imports():
        from . import compat

    compat.apply()

    from . import datasets, engine, models  # noqa: F401

    _are_registered = True


_are_registered = False
if not (_is_passed_through() or _is_for_a_command()):
    register_parts()
