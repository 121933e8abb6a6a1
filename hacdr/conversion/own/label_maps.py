"""Photographs of one's own, with one label map each."""

from __future__ import annotations

import re
from functools import partial

import numpy as np

from hacdr.conversion.merging import LESION
from hacdr.conversion.own.classes import (
    BACKGROUND,
    IGNORED_NAME,
    drawn_classes,
    parse_classes,
)
from hacdr.conversion.own.photographs import (
    Options,
    Photographs,
    choose_folder,
    count_names,
    is_in,
    plan_own,
    split_path,
)
from hacdr.conversion.plan import Plan, Record
from hacdr.conversion.reading import (
    MASK_SUFFIXES,
    check_stored_values,
    decode_mask,
)
from hacdr.conversion.sources import Source
from hacdr.errors import InputError
from hacdr.lesions import IGNORED

COLOUR = re.compile(r'#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})')
# What is told of a value that --classes does not name.
EXAMPLE = "as in --classes EX=1 HE=2 MA=3 SE=4, or 'EX=#ff0000' for a colour"


def read_label_maps(source: Source, options: Options) -> Plan:
    """Find photographs, and label maps in folders ``options.labels``.

    A photograph and its label map have the same stem. ``options.classes`` says which
    value, or which colour, is which class: 0 (or black) is background unless it says
    something else, 'ignored' is what counts as nothing. A palette is left aside, unless
    colours are named.

    Args:
        source (Source): as ``open_source`` returns it.
        options (Options): what the user says.

    Returns:
        Plan: what is to be converted; photographs without a label map are left out.

    Raises:
        InputError: no label maps or no photographs; a label map that belongs to no
            photograph, or two that belong to the same; values not as expected.
    """
    values = parse_values(parse_classes(options.classes))
    maps = [
        file
        for file in source.names()
        if is_in(file, options.labels) and file.lower().endswith(MASK_SUFFIXES)
    ]
    if not maps:
        raise InputError(
            f'{source.path}: no label map in a folder {options.labels!r}; say with '
            '--labels what it is called'
        )
    photographs = Photographs(
        source, without=maps, folder=choose_folder(source, options)
    )
    drawn = drawn_classes(values.values())
    masks = {}
    for file in maps:
        where, (folders, stem) = source.where(file), split_path(file)
        photograph = photographs.find(stem, folders, where)
        if photograph is None:
            raise InputError(
                f'{where}: label map without a photograph of the name {stem!r}'
            )
        if photograph.name in masks:
            raise InputError(f'{where}: a second label map of {photograph.file}')
        masks[photograph.name] = dict.fromkeys(drawn, file)
    bare = [p.name for p in photographs if p.name not in masks]
    return plan_own(
        source,
        [photograph for photograph in photographs if photograph.name in masks],
        masks,
        drawn,
        options,
        dict(kind='label maps', values={str(k): name for k, name in values.items()}),
        warnings=count_names(bare, 'photograph', 'without a label map, left out'),
        read_masks=partial(read_label_map, values),
    )


def parse_values(classes: dict[str, list[str]]) -> dict[int | tuple[int, ...], str]:
    """Read what the values mean.

    Args:
        classes (Dict[str, List[str]]): of ``parse_classes``: class -> its values, '1',
            or its colours, '#ff0000'.

    Returns:
        Dict[int | Tuple[int, int, int], str]: value or RGB -> class.

    Raises:
        InputError: neither numbers nor colours, both, or none at all.
    """
    values: dict[int | tuple[int, ...], str] = {}
    for name, words in classes.items():
        for word in words:
            colour = COLOUR.fullmatch(word.lower())
            value: int | tuple[int, ...]
            if colour:
                value = tuple(int(part, 16) for part in colour.groups())
            elif word.isdecimal() and int(word) <= 255:
                value = int(word)
            else:
                raise InputError(
                    f'--classes {name}: {word!r} is no value of a label map, expected '
                    f'0 to 255 or a colour, {EXAMPLE}'
                )
            values[value] = name
    kinds = {type(value) for value in values}
    if len(kinds) != 1:
        what = 'both values and colours are' if kinds else 'nothing is'
        raise InputError(
            f'--classes: {what} named, expected which value of the label maps is which '
            f'class, {EXAMPLE}'
        )
    values.setdefault((0, 0, 0) if kinds == {tuple} else 0, BACKGROUND)
    return values


def read_label_map(
    values: dict,
    files: dict[str, tuple[bytes, str]],
    record: Record,
    size: tuple[int, int],
) -> dict[str, np.ndarray]:
    """Read the masks of a photograph from its label map.

    Args:
        values (Dict): of :func:`parse_values`.
        files (Dict[str, Tuple[bytes, str]]): see ``reading.read_separate_masks``.
        record (Record): the photograph.
        size (Tuple[int, int]): its width and height.

    Returns:
        Dict[str, np.ndarray]: class -> uint8 (H, W), LESION, IGNORED or 0.

    Raises:
        InputError: no image, compressed with loss, of another size, of values that are
            not kept, or with one that means nothing.
    """
    ((data, where),) = files.values()
    image = decode_mask(data, where, size, what='label map')
    if isinstance(next(iter(values)), tuple):
        pixels = np.asarray(image.convert('RGB')) @ np.array([1 << 16, 1 << 8, 1])
        stored = [red << 16 | green << 8 | blue for red, green, blue in values]
    elif image.mode in ('1', 'L', 'P'):
        check_stored_values(data, where)
        pixels, stored = np.asarray(image), [*values]
    else:
        raise InputError(
            f'{where}: label map has mode {image.mode}, expected one channel of 8 '
            "bits; where colours tell the classes, say so: --classes 'EX=#ff0000'"
        )
    # For each pixel, which of the values it has.
    index = np.full(pixels.shape, len(stored), np.uint16)
    for number, value in enumerate(stored):
        index[pixels == value] = number
    unknown = pixels[index == len(stored)]
    if unknown.size:
        value = unknown[0] if stored == [*values] else f'#{unknown[0]:06x}'
        raise InputError(
            f'{where}: label map has the value {value}, which --classes does not name; '
            f'expected one of {", ".join(map(_spell, values))} (background=... and '
            'ignored=... may be among them)'
        )
    names = np.array([*values.values(), ''])
    masks = {name: (names == name)[index] * np.uint8(LESION) for name in record.masks}
    next(iter(masks.values()))[(names == IGNORED_NAME)[index]] = IGNORED
    return masks


def _spell(value):
    return (
        '#{:02x}{:02x}{:02x}'.format(*value) if isinstance(value, tuple) else str(value)
    )
