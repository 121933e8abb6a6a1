"""The one exception that means: the input is at fault, not the program."""


class InputError(Exception):
    """Bad input, told in one line.

    The message says what was wrong, where (file, key or argument) and what was
    expected. ``hacdr_cli.run`` prints it without a traceback and exits with 2.
    """


class StackError(InputError, ImportError):
    """The packages that the network runs on are missing or of another version."""
