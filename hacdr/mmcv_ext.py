"""Stands in for mmcv's compiled operators, ``mmcv._ext``, where they were not built.

mmcv 1.x without its operators cannot import ``mmcv.ops``, and mmseg 0.x imports that.
With this module in the place of ``mmcv._ext`` both import, and whoever calls an
operator is told its name. hacdr itself needs none of them: its own kernels compute the
modulated deformable convolution.

``make setup`` and ``make wheels`` write this file into mmcv as ``mmcv/_ext.py``;
:func:`stand_in` puts it there for one process. It imports nothing of hacdr, torch or
mmcv: it has to be there before they are.
"""

import importlib.machinery
import importlib.util
import sys

NAME = 'mmcv._ext'
# Whoever asks whether there are operators looks for this name.
OPERATORS = False


def stand_in():
    """Let this process import mmcv's operators where mmcv 1.x has none compiled.

    Call it before anything imports ``mmcv.ops``. It does nothing where mmcv is
    missing, is of another generation or has its operators.

    Returns:
        bool: whether the stand-in answers from now on.
    """
    if NAME in sys.modules or not _is_without_operators():
        return False
    spec = importlib.util.spec_from_file_location(NAME, __file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[NAME] = module
    return True


def get_compiler_version():
    """Return what ``mmcv.ops.get_compiler_version`` says here."""
    return 'none (operators not compiled)'


def get_compiling_cuda_version():
    """Return what mmcv's operators say that were built without CUDA."""
    return 'not available'


def __getattr__(name):
    # mmcv only asks for names when it imports, and calls them later.
    if name.startswith('__'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    def missing(*args, **kwargs):
        raise RuntimeError(
            f"mmcv's operator {name} is not compiled here: install mmcv-full, built "
            'for this torch, in the place of mmcv'
        )

    missing.__name__ = name
    return missing


def _is_without_operators():
    mmcv = importlib.util.find_spec('mmcv')
    if mmcv is None or not mmcv.submodule_search_locations:
        return False
    folders = list(mmcv.submodule_search_locations)
    finder = importlib.machinery.PathFinder
    return (
        finder.find_spec('mmcv.parallel', folders) is not None
        and finder.find_spec('mmcv.ops', folders) is not None
        and finder.find_spec(NAME, folders) is None
    )
