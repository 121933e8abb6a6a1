"""The one exception that means: the input is at fault, not the program."""

from __future__ import annotations

from typing import Sequence


class InputError(Exception):
    """Bad input, told in one line.

    The message says what was wrong, where (file, key or argument) and what was
    expected. ``hacdr_cli.run`` prints it without a traceback and exits with 2.
    docs/errors.md lists all ways in which a command ends.
    """

    def __init__(self, message: str = '') -> None:
        super().__init__(printable(message))


class StackError(InputError, ImportError):
    """The packages that the network runs on are missing or of another version."""


def first_few(names: Sequence[str], most: int = 5) -> str:
    """List names in a message, and tell whether there are more.

    Args:
        names (Sequence[str]): all of them.
        most (int): how many are shown.

    Returns:
        str: 'a, b', or 'a, b, ...' where there are more.
    """
    return ', '.join(names[:most]) + (', ...' if names[most:] else '')


def counted(number: int, noun: str) -> str:
    """Say how many of something there are.

    Args:
        number (int): how many.
        noun (str): of one, with a plural in s.

    Returns:
        str: '1 photograph', '2 photographs'.
    """
    return f'{number} {noun}{"" if number == 1 else "s"}'


def first_line(error: Exception | str) -> str:
    """Return the first line of what an exception says, or its name if that is nothing.

    Args:
        error (Exception | str): of others; may say more than belongs in a line.

    Returns:
        str: a line.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def printable(text: str) -> str:
    """Make a text safe to print, whatever a file or its name holds.

    What a terminal would obey (escape sequences, line breaks, marks that turn the
    direction of writing) and what cannot be encoded (names of files that are not UTF-8)
    is written as Python would: ``\\x1b``, ``\\u202e``, ``\\udcff``.

    Args:
        text (str): any text, or an object to be told as one.

    Returns:
        str: a line.
    """
    return ''.join(
        letter
        if letter.isprintable()
        else letter.encode('unicode_escape', 'surrogatepass').decode()
        for letter in str(text)
    )
