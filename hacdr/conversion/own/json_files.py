"""JSON files of annotators, checked while they are read."""

from __future__ import annotations

import json
from typing import Any, Iterator

from hacdr.conversion.sources import Source
from hacdr.errors import InputError, first_line

NAMES = {list: 'a list', dict: 'an object', str: 'a text', int: 'a number'}


def read_json_files(source: Source) -> Iterator[tuple[str, dict]]:
    """Read the JSON files of a source that hold an object, one after the other.

    Args:
        source (Source): as ``open_source`` returns it.

    Yields:
        Tuple[str, dict]: the file, a name of the source, and its content.

    Raises:
        InputError: one cannot be read.
    """
    for file in source.names():
        if not file.lower().endswith('.json'):
            continue
        try:
            content = json.loads(source.read(file).decode('utf-8-sig'))
        except (ValueError, RecursionError) as error:
            raise InputError(
                f'{source.where(file)}: not JSON ({first_line(error)})'
            ) from error
        if isinstance(content, dict):
            yield file, content


def take(content: object, key: str, kind: type, where: str) -> Any:
    """Take a value out of what a JSON file says.

    Args:
        content (object): what should be an object.
        key (str): which of its values.
        kind (type): what that must be.
        where (str): what to call the object in messages.

    Returns:
        object: the value.

    Raises:
        InputError: not an object, no such value, or one of another type.
    """
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f'{where}: expected {NAMES[kind]} as {key!r}')
    return value


def take_size(
    content: dict, width: str, height: str, where: str
) -> tuple[int, int] | None:
    """Take the size of a photograph: its width and height, None where neither is told.

    Args:
        content (dict): what a JSON file says of it.
        width, height (str): which of its values.
        where (str): what to call it in messages.

    Raises:
        InputError: they are no whole numbers.
    """
    size = content.get(width), content.get(height)
    if size == (None, None):
        return None
    if not all(type(side) in (int, float) and side % 1 == 0 for side in size):
        raise InputError(
            f'{where}: has the {width} {size[0]!r} and the {height} {size[1]!r}, '
            'expected whole numbers of pixels'
        )
    return int(size[0]), int(size[1])
