"""What all command line tools share: one line for bad input, no traceback."""

import sys

from hacdr import announcements
from hacdr.errors import InputError


def run(main):
    """Call ``main()`` and leave the process the way a user expects.

    Args:
        main (callable): takes no argument; its return value is ignored.

    Bad input (:class:`~hacdr.errors.InputError`) prints ``error: <message>``
    and exits with 2, Ctrl-C exits with 130; every other exception is a bug
    and keeps its traceback.
    """
    announcements.silence_training()
    try:
        main()
    except InputError as error:
        sys.exit(_fail(str(error), 2))
    except KeyboardInterrupt:
        sys.exit(_fail('interrupted', 130))


def _fail(message, code):
    print(f'error: {message}', file=sys.stderr)
    return code
