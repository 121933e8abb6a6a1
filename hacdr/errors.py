"""The one exception that means: the input is at fault, not the program."""


class InputError(Exception):
    """Bad input, told in one line.

    The message says what was wrong, where (file, key or argument) and what was
    expected. ``hacdr.cli.run`` prints it without a traceback and exits with 2.
    """
