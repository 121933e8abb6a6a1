"""Names of files."""

import unicodedata

from hacdr.errors import InputError


def part_of_name(text):
    """Return a text, such as a class, that becomes part of a file's name.

    Args:
        text (str): from a file of anybody's.

    Raises:
        InputError: the file would lie in another folder.
    """
    if '/' in text or '\\' in text or not text.isprintable():
        raise InputError(f'{text!r}: cannot be part of the name of a file')
    return text


def fold_name(name):
    """Return what is equal for names that some file systems take for the same.

    Capitals and small letters; letters with accents, written as one or as two.

    Args:
        name (str): of a file.
    """
    return unicodedata.normalize('NFC', name.casefold())
