"""Photographs and their masks, paired by the names of their files."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from hacdr.conversion.sources import Source
from hacdr.errors import InputError

IMAGE = r'\.(?:jpe?g|png|tiff?|bmp|gif)'


class Pair(NamedTuple):
    """A photograph and its masks.

    Attributes:
        name: what the pattern calls ``name``.
        subset: what it calls ``subset``, in lower case; None where it has none.
        photograph: its file, a name of the source.
        masks: what the pattern calls ``lesion``, in lower case -> its file.
    """

    name: str
    subset: str | None
    photograph: str
    masks: dict[str, str]


def find_pairs(source: Source, photograph: str, mask: str) -> list[Pair]:
    """Find the photographs and masks of a download.

    The patterns say what a path ends with, without the suffix: folders may lie
    anywhere, in any case, with ``%20`` for blanks.

    Args:
        source (Source): as ``open_source`` returns it.
        photograph (str): regular expression with the group ``name`` and, if the
            folders say it, ``subset``.
        mask (str): the same, with the group ``lesion`` besides.

    Returns:
        List[Pair]: sorted by name; empty where no photograph was found.

    Raises:
        InputError: a photograph or mask twice, or a mask without a photograph.
    """
    photographs = _find(source, photograph)
    if not photographs:
        return []
    pairs, names = {}, {}
    for (name, subset), (spelt, file) in photographs.items():
        if name in names:
            raise InputError(
                f'{source.path}: two photographs of one name, {names[name]} and {file}'
            )
        names[name] = file
        pairs[name, subset] = Pair(spelt, subset, file, {})
    for (name, subset, lesion), (_, file) in _find(source, mask).items():
        if (name, subset) not in pairs:
            raise InputError(f'{source.where(file)}: mask without a photograph')
        pairs[name, subset].masks[lesion] = file
    return sorted(pairs.values())


def _find(source, pattern):
    """What the pattern's groups say -> the name as it is spelt, and the file."""
    found = {}
    for file in source.names():
        path = '/' + unquote(file)
        match = re.search(f'/{pattern}{IMAGE}$', path, re.IGNORECASE)
        if not match:
            continue
        groups = {name: value.lower() for name, value in match.groupdict().items()}
        key = groups['name'], groups.get('subset')
        key += (groups['lesion'],) if 'lesion' in groups else ()
        if key in found:
            raise InputError(
                f'{source.path}: the same file twice, {found[key][1]} and {file}; '
                'keep one'
            )
        found[key] = match['name'], file
    return found
