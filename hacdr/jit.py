"""numba's njit; where numba is missing, a stand-in that says so when it is called."""

import functools

from hacdr.errors import InputError

try:
    from numba import njit
except ImportError:

    def njit(**options):
        """Return a decorator; what it decorates fails when it is called.

        Importing hacdr must work without numba, for the network does.
        """

        def decorate(function):
            @functools.wraps(function)
            def fail(*args):
                raise InputError(
                    f'{function.__module__} needs numba, which cannot be imported; '
                    'pip install numba'
                )

            return fail

        return decorate
