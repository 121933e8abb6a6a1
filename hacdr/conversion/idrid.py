"""Reader of IDRiD, part A (Porwal et al., Data 2018, doi:10.3390/data3030025)."""

from __future__ import annotations

import re
from collections import defaultdict
from urllib.parse import unquote

from hacdr.conversion.plan import Plan, Record
from hacdr.conversion.reading import decode_strictly
from hacdr.conversion.sources import Source
from hacdr.errors import InputError

# The folders of the download; a copy may spell them in another case.
PART = 'A. Segmentation'
PHOTOGRAPHS = '1. Original Images'
MASKS = '2. All Segmentation Groundtruths'
SUBSET_FOLDERS = {'train': 'a. Training Set', 'test': 'b. Testing Set'}
LESION_FOLDERS = {
    'MA': '1. Microaneurysms',
    'HE': '2. Haemorrhages',
    'EX': '3. Hard Exudates',
    'SE': '4. Soft Exudates',
}
# The other parts of a full download have photographs in folders of the same names.
OTHER_PARTS = ('b. disease grading', 'c. localization')

OFFICIAL_SIZE = (4288, 2848)
OFFICIAL = {'train': range(1, 55), 'test': range(55, 82)}
# Ten training photographs, numpy's default_rng(0).permutation(54)[:10] + 1.
VALIDATION = (5, 11, 12, 19, 24, 28, 29, 35, 37, 46)
# Photographs of the official set that have a mask of a lesion. Which fourteen of
# the test photographs have soft exudates is left open.
WITH_MASK = {
    'EX': {*range(1, 82)},
    'HE': {*range(1, 82)} - {43},
    'MA': {*range(1, 82)},
    'SE': {3, 8, 13, 14, *range(17, 20), 22, 23, 25, *range(30, 34), 35, 38, 39}
    | {*range(46, 55)},
}


def read_idrid(source: Source) -> Plan:
    """Find the photographs and masks of IDRiD.

    The folders may lie anywhere below the source, in any case, with ``%20`` for
    blanks; the optic disc and parts B and C are passed over.

    Args:
        source (Source): as ``open_source`` returns it.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: not IDRiD; a photograph twice; a mask of no photograph; a file
            in one of the folders whose name is not understood.
    """
    photographs, masks = _find_files(source)
    if not photographs:
        raise InputError(
            f"{source.path}: no photograph of IDRiD found; looked for '1. Original "
            "Images/a. Training Set/IDRiD_01.jpg' and the like in it and below it"
        )
    if not masks:
        raise InputError(
            f"{source.path}: no mask of IDRiD found; looked for '2. All Segmentation "
            "Groundtruths/a. Training Set/3. Hard Exudates/IDRiD_01_EX.tif' and such"
        )
    missing = {
        subset: [n for n in numbers if n not in photographs]
        for subset, numbers in OFFICIAL.items()
    }
    masks_of = defaultdict(dict)
    for (subset, number, lesion), file in masks.items():
        if number not in photographs and number not in missing[subset]:
            raise InputError(f'{source.where(file)}: mask without a photograph')
        if number in photographs and photographs[number][0] != subset:
            raise InputError(
                f'{source.where(file)}: mask in the {subset} set, its photograph '
                f'is in the other one'
            )
        masks_of[number][lesion] = file
    records = [
        Record(_name(number), subset, file, masks_of[number])
        for number, (subset, file) in sorted(photographs.items())
    ]
    train = [n for n, (subset, _) in sorted(photographs.items()) if subset == 'train']
    test = [n for n, (subset, _) in sorted(photographs.items()) if subset == 'test']
    splits = dict(
        train=[_name(n) for n in train if n not in VALIDATION],
        val=[_name(n) for n in train if n in VALIDATION],
        trainval=[_name(n) for n in train],
        test=[_name(n) for n in test],
    )
    warnings = _warn_of_photographs(missing, masks_of)
    warnings += _warn_of_masks(source, photographs, masks_of)
    return Plan('IDRiD', records, splits, warnings)


def _find_files(source):
    """Photographs by number: (subset, file); masks by (subset, number, lesion)."""
    subsets = {folder.lower(): subset for subset, folder in SUBSET_FOLDERS.items()}
    lesions = {folder.lower(): lesion for lesion, folder in LESION_FOLDERS.items()}
    photographs, masks = {}, {}
    for file in source.names():
        *folders, name = unquote(file).lower().split('/')
        if any(part in folders for part in OTHER_PARTS):
            continue
        # The masks' folders are one deeper: groundtruths / subset / lesion.
        first, second, third = ['', '', '', *folders][-3:]
        if second == PHOTOGRAPHS.lower() and third in subsets:
            number = _number(source, file, name, r'idrid_(\d{2,})\.jpe?g')
            if number is not None:
                _add(photographs, number, (subsets[third], file), source)
        elif first == MASKS.lower() and second in subsets and third in lesions:
            lesion = lesions[third]
            pattern = rf'idrid_(\d{{2,}})_{lesion.lower()}\.tiff?'
            number = _number(source, file, name, pattern)
            if number is not None:
                subset = subsets[second]
                _add(masks, (subset, number, lesion), (subset, file), source)
    return photographs, {key: file for key, (_, file) in masks.items()}


def _add(found, key, entry, source):
    if key in found:
        raise InputError(
            f'{source.path}: the same file twice, {found[key][1]} and {entry[1]}; '
            'keep one'
        )
    found[key] = entry


def _number(source, file, name, pattern):
    """The photograph's number; None for what a file manager left behind."""
    match = re.fullmatch(pattern, name)
    if match:
        return int(match.group(1))
    # An image under another name is refused, not passed over: for a mask that would
    # mean that the photograph has none of that lesion.
    if not name.endswith(('.jpg', '.jpeg', '.png', '.tif', '.tiff', '.bmp')):
        return None
    expected = 'IDRiD_01.jpg' if 'jpe?g' in pattern else 'IDRiD_01_EX.tif'
    raise InputError(
        f'{source.where(file)}: file name not understood, expected one like {expected}'
    )


def _warn_of_photographs(missing, masks_of):
    gone = [f'{subset} {_ranges(n)}' for subset, n in missing.items() if n]
    if not gone:
        return []
    orphans = sum(len(masks_of[n]) for numbers in missing.values() for n in numbers)
    warning = f'photographs missing from the official set: {"; ".join(gone)}'
    return [warning + (f' (their {orphans} masks are left out)' if orphans else '')]


def _warn_of_masks(source, photographs, masks_of):
    """Masks that the official set has; without a file the lesion counts as absent."""
    first = source.where(photographs[min(photographs)][1])
    data = source.read(photographs[min(photographs)][1])
    if decode_strictly(data, first).shape[1::-1] != OFFICIAL_SIZE:
        return []
    warnings = []
    for lesion, official in WITH_MASK.items():
        gone = [
            number
            for number in sorted(photographs)
            if lesion not in masks_of[number] and number in official
        ]
        if gone:
            warnings.append(
                f'{lesion} masks missing that the official set has, taken as no '
                f'lesion: {_ranges(gone)}'
            )
    return warnings


def _name(number):
    return f'IDRiD_{number:02d}'


def _ranges(numbers):
    """[1, 2, 3, 7] -> '1-3, 7'."""
    runs = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ', '.join(f'{a}' if a == b else f'{a}-{b}' for a, b in runs)
