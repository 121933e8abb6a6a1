"""numba's njit for this package's loops: compiled once, kept outside of the package.

Where numba is missing, njit is a stand-in that says so when a loop is called: the
network runs without numba, so importing hacdr must work without it too.
"""

import functools
import os
from pathlib import Path

from hacdr.errors import InputError

try:
    import numba
except ImportError:
    numba = None

# Options of loops: threads run beside them, and dividing by zero gives infinity.
EXACT = {'nogil': True, 'error_model': 'numpy'}
# Reordering sums is allowed too, assuming that NaN and infinity do not occur is not.
FAST = {**EXACT, 'fastmath': {'reassoc', 'contract', 'nsz', 'arcp'}}


def njit(**options):
    """Return a decorator, as ``numba.njit``, that keeps what it compiles on disk.

    numba itself would write beside the source. Files that pip did not install keep the
    folder alive when the package is uninstalled, and an empty folder ``hacdr`` in
    site-packages then hides an editable install. They go to :func:`cache_folder`; a
    folder that ``NUMBA_CACHE_DIR`` names is used as it is.

    Args:
        **options: of ``numba.njit``, but ``cache``.

    Returns:
        callable: the decorator. Where numba is missing, what it decorates raises
        :class:`hacdr.errors.InputError` when it is called.
    """
    return functools.partial(_compile if numba else _refuse, options=options)


def cache_folder():
    """Return the folder of compiled loops, a Path; it need not exist."""
    base = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
    return Path(base) / 'hacdr' / 'numba'


def _compile(function, options):
    # numba reads its setting when it decorates. Other packages keep theirs.
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = before or str(cache_folder())
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        numba.config.CACHE_DIR = before


def _refuse(function, options):
    @functools.wraps(function)
    def fail(*args):
        raise InputError(
            f'{function.__module__} needs numba, which cannot be imported; '
            'pip install numba'
        )

    return fail
