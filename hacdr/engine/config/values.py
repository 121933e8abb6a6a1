"""Values of a config: refused in one line where they are of another kind."""

from __future__ import annotations

import difflib
from typing import Any, Iterable, Sequence

from hacdr.errors import InputError


def require(kind: type | tuple[type, ...], value: Any, where: str) -> Any:
    """Return a value that is of a kind.

    Args:
        kind (type | tuple[type]): the kind, or several.
        value: of the config.
        where (str): its key, for the error.

    Raises:
        InputError: it is of another kind.
    """
    if not isinstance(value, kind):
        name = (kind[0] if isinstance(kind, tuple) else kind).__name__
        raise InputError(f'{where} is {shorten(value)}, expected a {name}')
    return value


def require_number(value: object, least: int, where: str) -> None:
    """Refuse what is no whole number of at least ``least``; arguments as above."""
    if not is_number(value, least):
        raise InputError(
            f'{where} is {shorten(value)}, expected a whole number of at least {least}'
        )


def is_number(value: object, least: int) -> bool:
    """Tell whether a value is a whole number of at least ``least``."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_size(value: object) -> bool:
    """Tell whether a value is a height and a width."""
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and all(is_number(one, 1) for one in value)
    )


def as_list(value: Any) -> Sequence:
    """Return a list of one or several values, or of none."""
    if value is None:
        return []
    return value if isinstance(value, (list, tuple)) else [value]


def shorten(value: object) -> str:
    """Return a value as text of one line."""
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def hint(name: object, names: Iterable) -> str:
    """Return the end of an error: which of the names is nearest, if any is near."""
    nearest = difflib.get_close_matches(str(name), [str(each) for each in names], 1)
    return f'; did you mean {nearest[0]}?' if nearest else ''
