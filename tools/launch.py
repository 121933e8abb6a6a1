"""torchrun, ending as the processes that it started: with 75 where they saved.

torchrun itself ends with 1 and a traceback, whatever the reason, and passes SIGUSR1 on
in its newest versions only. Arguments as torchrun's.
"""

import signal
import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

# hacdr.engine.stopping.EXIT_SAVED, without the seconds that importing it takes.
EXIT_SAVED = 75
EXIT_INTERRUPTED = 130


def pass_on(number, frame):
    """Let torchrun send a signal to its processes, wait for them and end."""
    number = signal.Signals(number)
    raise SignalException(f'received {number.name}', number)


if __name__ == '__main__':
    signal.signal(signal.SIGUSR1, pass_on)
    try:
        main()
    except ChildFailedError as error:
        code = error.get_first_failure()[1].exitcode
        # Of a process that a signal ended as a shell tells it.
        sys.exit(code if code > 0 else 128 - code)
    except SignalException as error:
        print(error, file=sys.stderr)
        interrupted = error.sigval == signal.SIGINT
        sys.exit(EXIT_INTERRUPTED if interrupted else EXIT_SAVED)
