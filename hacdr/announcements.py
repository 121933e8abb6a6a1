"""Keeps from the screen what dependencies say and no user can do anything about."""

import contextlib
import io
import logging
import os
import sys
import warnings

# Said where mmcv, when it is imported, finds a compiler for CUDA but no GPU.
NO_CUDA = 'No CUDA runtime is found'


@contextlib.contextmanager
def silence_imports():
    """Return a context in which mmcv is imported without its announcements."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'On January 1, 2023, MMCV')
        warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
        _import_extension_builder()
        yield


def silence_training():
    """Leave out warnings of losses that are configured on purpose, of the way in which
    mmcv calls torch and mmseg loads data on a machine without a GPU, and of more
    workers than cores, which :mod:`hacdr.engine.processes` tells shorter."""
    warnings.filterwarnings('ignore', 'Default ``avg_non_ignore`` is False')
    warnings.filterwarnings('ignore', r'`torch\.cuda\.amp\.\w+\(args\.\.\.\)` is depre')
    warnings.filterwarnings('ignore', "'pin_memory' argument is set as true but no acc")
    warnings.filterwarnings('ignore', 'This DataLoader will create')


@contextlib.contextmanager
def silence_processes():
    """Return a context in which stderr goes nowhere, of this process and of those that
    it starts, such as a shell that finds no compiler."""
    kept = os.dup(2)
    try:
        with open(os.devnull, 'wb') as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _import_extension_builder():
    """Import what mmcv imports; torch 2.1 prints NO_CUDA there, newer ones log it."""

    def is_wanted(record):
        return NO_CUDA not in record.getMessage()

    logger = logging.getLogger('torch.utils.cpp_extension')
    logger.addFilter(is_wanted)
    try:
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            import torch.utils.cpp_extension  # noqa: F401
    finally:
        logger.removeFilter(is_wanted)
        lines = printed.getvalue().splitlines(keepends=True)
        sys.stderr.write(''.join(line for line in lines if NO_CUDA not in line))
