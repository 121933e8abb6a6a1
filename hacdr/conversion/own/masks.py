"""Photographs of one's own, with a folder of masks for each class."""

from __future__ import annotations

import re
from functools import partial

from hacdr.conversion import reading
from hacdr.conversion.own.classes import (
    BACKGROUND,
    IGNORED_NAME,
    SYNONYMS,
    assign_classes,
    parse_classes,
    simplify,
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
from hacdr.conversion.plan import Plan
from hacdr.conversion.sources import Source
from hacdr.errors import InputError

# What a mask's name may have beside the photograph's and the class's.
WORDS = {'mask', 'label', 'annotation', 'seg', 'segmentation', 'gt', 'groundtruth'}
READ_MASK = partial(
    reading.read_mask, advice='; --soft-masks reads grey ones, lesion from 128 on'
)


def read_mask_folders(source: Source, options: Options) -> Plan:
    """Find photographs, and masks in folders that are called as the classes are.

    A mask belongs to the photograph of the same stem; after that it may have the class
    or 'mask' (IDRiD_01.jpg, IDRiD_01_EX.tif). Where a photograph has no mask of a
    class, it has none of that lesion.

    Args:
        source (Source): as ``open_source`` returns it.
        options (Options): what the user says.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: no masks or no photographs; a mask that belongs to no photograph, or
            two of one class that belong to the same.
    """
    classes = parse_classes(options.classes)
    for name in (BACKGROUND, IGNORED_NAME):
        if name in classes:
            raise InputError(f'--classes {name}: there are no masks of {name}')
    inside = choose_folder(source, options)
    images = [
        file
        for file in source.names()
        if file.lower().endswith(reading.MASK_SUFFIXES) and not is_in(file, inside)
    ]
    found = {folder for file in images for folder in file.split('/')[:-1]}
    class_of, _, absent = assign_classes(
        found, classes, source.path, 'folder', all_known=False
    )
    words = {simplify(word): name for word, name in class_of.items()}
    for name in class_of.values():
        words.update(dict.fromkeys((simplify(name), *SYNONYMS.get(name, ())), name))
    if absent:
        raise InputError(f'{source.path}: {absent[0]}')
    # The deepest folder that is called as a class is.
    folders = {
        file: [f for f in file.split('/')[:-1] if f in class_of][-1:] for file in images
    }
    drawn_in = {file: class_of[f[0]] for file, f in folders.items() if f}
    photographs = Photographs(source, without=drawn_in, folder=inside)
    masks = {}
    for file, name in drawn_in.items():
        photograph = _find_photograph(photographs, file, name, words)
        drawn = masks.setdefault(photograph.name, {})
        if name in drawn:
            raise InputError(
                f'{source.where(file)}: a second mask of {name} for {photograph.name}, '
                f'the first is {drawn[name]}'
            )
        drawn[name] = file
    bare = [p.name for p in photographs if p.name not in masks]
    read = reading.read_soft_mask if options.soft_masks else READ_MASK
    passed_over = {*images} - {*drawn_in} - {p.file for p in photographs}
    return plan_own(
        source,
        [*photographs],
        masks,
        classes or drawn_in.values(),
        options,
        dict(kind='masks', soft=options.soft_masks),
        warnings=count_names(bare, 'photograph', 'without any mask, taken as healthy'),
        notes=count_names(sorted(passed_over), 'image', 'passed over'),
        read_masks=partial(reading.read_separate_masks, read=read),
    )


def _find_photograph(photographs, file, name, words):
    """The photograph of a mask: of the same stem, but for the class and such words."""
    where = photographs.source.where(file)
    folders, stem = split_path(file)
    ends = [match.start() for match in re.finditer(r'[ _.-]+', stem)]
    for end in [len(stem), *reversed(ends)]:
        added = [word for word in re.split(r'[ _.-]+', stem[end:]) if word]
        word = simplify(' '.join(word for word in added if word not in WORDS))
        if word and words.get(word) != name:
            continue
        photograph = photographs.find(stem[:end], folders, where)
        if photograph:
            return photograph
    raise InputError(f'{where}: mask without a photograph of the name {stem!r}')
