"""How every command begins; outside the package, so that nothing is loaded before.

Importing this module sets the environment that OpenMP reads when torch is loaded: a
command imports it before anything else that is not of the standard library.
"""

import os
import sys

# The waiting threads of GNU's OpenMP spin 300000 times before they sleep, which starves
# whoever else wants the core: two trainings at once took ten times as long each.
if 'OMP_WAIT_POLICY' not in os.environ:
    os.environ.setdefault('GOMP_SPINCOUNT', '1000')


def run(main):
    """Call ``main()`` and leave the process the way a user expects.

    Args:
        main (callable): takes no argument; its return value is ignored.

    Bad input (:class:`hacdr.errors.InputError`), and a stack that is not the one that
    hacdr needs, prints ``error: <message>`` and exits with 2, Ctrl-C exits with 130;
    every other exception is a bug and keeps its traceback.
    """
    try:
        from hacdr.announcements import silence_training
        from hacdr.stack import check_stack

        check_stack()
        silence_training()
        main()
    except KeyboardInterrupt:
        sys.exit(_fail('interrupted', 130))
    except Exception as error:
        # Importing hacdr may be what failed: its errors are there all the same.
        errors = sys.modules.get('hacdr.errors')
        if errors is None or not isinstance(error, errors.InputError):
            raise
        sys.exit(_fail(str(error), 2))


def _fail(message, code):
    print(f'error: {message}', file=sys.stderr)
    return code
