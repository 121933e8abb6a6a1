"""What dependencies say to the screen that no user can do anything about."""

import contextlib
import io
import logging
import sys
import warnings

# mmcv looks for compilers when it is imported; the machine has one, but no GPU.
NO_CUDA = 'No CUDA runtime is found'


@contextlib.contextmanager
def imports_silenced():
    """Import mmcv without its announcements; everything else is said."""
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', 'On January 1, 2023, MMCV')
        warnings.filterwarnings('ignore', 'pkg_resources is deprecated')
        _import_extension_builder()
        yield


def silence_training():
    """Leave out what is said of losses that are configured on purpose, and of mmcv's
    calls of torch."""
    warnings.filterwarnings('ignore', 'Default ``avg_non_ignore`` is False')
    warnings.filterwarnings('ignore', r'`torch\.cuda\.amp\.\w+\(args\.\.\.\)` is depre')


def _import_extension_builder():
    """Import what mmcv imports: torch 2.1 prints there, newer ones log."""

    def is_told(record):
        return NO_CUDA not in record.getMessage()

    logger = logging.getLogger('torch.utils.cpp_extension')
    logger.addFilter(is_told)
    try:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            import torch.utils.cpp_extension  # noqa: F401
    finally:
        logger.removeFilter(is_told)
        lines = said.getvalue().splitlines(keepends=True)
        sys.stderr.write(''.join(line for line in lines if NO_CUDA not in line))
