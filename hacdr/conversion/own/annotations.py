"""Photographs with outlines that annotators drew: what COCO and LabelMe share."""

from __future__ import annotations

from functools import partial
from typing import Callable, NamedTuple

import numpy as np

from hacdr.conversion.merging import LESION
from hacdr.conversion.own.classes import (
    BACKGROUND,
    IGNORED_NAME,
    assign_classes,
    drawn_classes,
    find_meanings,
    parse_classes,
    simplify,
)
from hacdr.conversion.own.photographs import (
    Options,
    Photographs,
    choose_folder,
    count_names,
    plan_own,
    split_path,
)
from hacdr.conversion.plan import Plan
from hacdr.conversion.sources import Source
from hacdr.errors import InputError
from hacdr.files import sha256
from hacdr.lesions import IGNORED


class Annotated(NamedTuple):
    """What a file says of a photograph.

    Attributes:
        file: the annotations' file, a name of the source.
        stems: path of the photograph as the file has it, and others to try.
        size: width and height as the file has them, if it does.
        shapes: each label, and what was drawn, as the file has it.
    """

    file: str
    stems: tuple[str, ...]
    size: tuple[int, int] | None
    shapes: list[tuple[str, dict]]


def plan_annotated(
    source: Source,
    annotated: list[Annotated],
    declared: set[str] | None,
    options: Options,
    kind: str,
    fill: Callable,
) -> Plan:
    """Plan the conversion of photographs with outlines.

    Args:
        source (Source): where they are.
        annotated (List[Annotated]): what the files say.
        declared (Set[str] | None): labels that the files declare, used or not; None
            where the format does not know that.
        options (Options): what the user says.
        kind (str): the files' format.
        fill (callable): ``fill(mask, shape, where)`` sets the pixels of a shape;
            returns False where it lies outside of the mask.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: a label that means nothing; a photograph annotated twice; none.
    """
    used = {label for one in annotated for label, _ in one.shapes}
    classes = parse_classes(options.classes)
    # Annotators declare all that their software knows; what is not used may be unknown.
    meanings = find_meanings(classes)
    known = {label for label in declared or () if simplify(label) in meanings}
    class_of, passed_over, absent = assign_classes(
        used | known, classes, source.path, 'label'
    )
    if absent and declared is not None:
        raise InputError(f'{source.path}: {absent[0]}')
    drawn = drawn_classes(classes or class_of.values())
    photographs = Photographs(source, folder=choose_folder(source, options))
    found, lost = {}, []
    for one in annotated:
        photograph = _find_photograph(photographs, one, source.where(one.file))
        if photograph is None:
            lost.append(one.stems[0])
        elif photograph.name in found:
            raise InputError(
                f'{source.where(one.file)}: annotates {photograph.file}, as '
                f'{found[photograph.name].file} does; expected one file for each'
            )
        else:
            found[photograph.name] = one
    if not found:
        raise InputError(f'{source.path}: none of the photographs is here ({lost[0]})')
    bare = [p.name for p in photographs if p.name not in found]
    return plan_own(
        source,
        [photograph for photograph in photographs if photograph.name in found],
        {name: dict.fromkeys(drawn, one.file) for name, one in found.items()},
        drawn,
        options,
        dict(kind=kind, labels=class_of),
        warnings=[
            *absent,
            *count_names(lost, 'annotated photograph', 'missing'),
            *count_names(bare, 'photograph', 'without annotations, left out'),
        ],
        notes=count_names(passed_over, 'label', 'passed over'),
        read_masks=partial(_draw, found, class_of, fill),
        # One file may tell of thousands of photographs: it is not read for each.
        digests={
            file: sha256(source.read(file)) for file in {one.file for one in annotated}
        },
    )


def _find_photograph(photographs, one, where):
    beside, _ = split_path(one.file)
    for path in one.stems:
        folders, stem = split_path(path)
        photograph = photographs.find(stem, (*beside, *folders), where)
        if photograph:
            return photograph
    return None


def _draw(annotated, class_of, fill, files, record, size):
    """Draw the masks of a photograph, see ``Plan.read_masks``."""
    one = annotated[record.name]
    ((_, where),) = files.values()
    if one.size not in (None, tuple(size)):
        raise InputError(
            f'{where}: {record.photograph} is annotated at {one.size[0]}x{one.size[1]} '
            f'pixels, expected {size[0]}x{size[1]} as it has'
        )
    drawn = {name: np.zeros(size[::-1], bool) for name in record.masks}
    drawn[IGNORED_NAME] = np.zeros(size[::-1], bool)
    for number, (label, shape) in enumerate(one.shapes, start=1):
        name = class_of.get(label, BACKGROUND)
        if name == BACKGROUND:
            continue
        what = f'{where}: shape {number} of {record.photograph} ({label})'
        if not fill(drawn[name], shape, what):
            raise InputError(f'{what}: lies outside of the photograph')
    ignored = drawn.pop(IGNORED_NAME)
    masks = {name: mask * np.uint8(LESION) for name, mask in drawn.items()}
    first = next(iter(masks.values()))
    first[ignored & (first == 0)] = IGNORED
    return masks
