"""Which photographs are for training, for validation and for testing."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Iterable, Mapping, Sequence

from hacdr.conversion.planning import split_by_seed
from hacdr.errors import InputError, first_few

EYES = {'left', 'right', 'l', 'r', 'le', 're', 'od', 'os', 'oi'}
# A visit, or which part of the eye was photographed.
VISIT = re.compile(r'(?:visit|followup|fu|exam|session|field|macula|disc)\d*|[vtf]\d+')
# A folder of photographs of one time, whoever is in them.
TIME = re.compile(rf'{VISIT.pattern}|(?:day|week|month|year)\d*|(?:19|20)\d\d')
EYE_AT_THE_END = re.compile(r'(.*\d)(?:l|r|od|os|oi)')
FOLDER = re.compile(r'(?:\w\. )?(train|val|test)(?:ing|id|idation)?(?: set)?(?: ?\d+)?')


def find_subset(folders: Sequence[str], where: str) -> str | None:
    """Tell what a photograph is for by the folders that it lies in.

    Args:
        folders (Sequence[str]): their names.
        where (str): the photograph, for the message.

    Returns:
        str | None: 'train', 'val' or 'test', if a folder is called so, or 'training',
        'valid', 'b. Testing Set' and the like.

    Raises:
        InputError: one says this and another says that.
    """
    spelt = [re.sub(r'[\s_-]+', ' ', folder.lower()) for folder in folders]
    found = {match[1] for match in map(FOLDER.fullmatch, spelt) if match}
    if len(found) > 1:
        raise InputError(
            f'{where}: lies in folders of {" and ".join(sorted(found))}, expected one'
        )
    return found.pop() if found else None


def find_patients(
    names: Iterable[str],
    pattern: str | None = None,
    paths: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    """Tell whose photographs these are, by their names.

    The names are cut at blanks and at ``_ - .``, and what all of them begin with is
    left aside. The patient is what stands before the eye (left, right, L, R, OD, OS,
    ..., also at the end of a number: 12L) or the visit or field (visit2, v2, followup1,
    field1, macula, ...). Where there is neither, and the name ends in a number, it is
    what stands before that, if this has a figure in it: 17 in 17_2. Otherwise each
    photograph is taken for a patient of its own.

    Of a name that begins with folders, those of training, validation and test and of a
    visit that comes first are left out: 0 in visit1/0_left. A folder with a figure, an
    eye or a visit in it tells the patient (P01 in P01/1_left), and so do the folders
    where the file's name begins with an eye or a visit; else the file's name does.

    Args:
        names (Iterable[str]): the photographs' names.
        pattern (str, optional): a regular expression to use instead, with one group.
        paths (Mapping[str, Sequence[str]], optional): name -> the folders that it
            begins with, and the file's stem.

    Returns:
        Dict[str, str]: name -> patient.

    Raises:
        InputError: the pattern is none, or does not fit a name.
    """
    if pattern is not None:
        return _match_patients(names, pattern)
    whole = {name: (paths or {}).get(name, (name,)) for name in names}
    folders = {name: _folders_of_patients(path[:-1]) for name, path in whole.items()}
    alone = _cut({name: path[-1:] for name, path in whole.items()})
    after = _cut({name: (*folders[name], path[-1]) for name, path in whole.items()})
    words = _cut(whole)
    return {
        name: _patient_of_stem(alone[name], folders[name])
        or _patient(after[name])
        or _patient(words[name])
        or name
        for name in whole
    }


def _folders_of_patients(folders):
    """Those that may tell a patient: none of a split, no time that comes first."""
    left = [folder for folder in folders if not find_subset([folder], folder)]
    while left and TIME.fullmatch(''.join(_split(left[0]))):
        left = left[1:]
    return left


def _patient_of_stem(words, folders):
    """The patient in a stem; empty where it is not told, or the folders tell it."""
    around = [word for folder in folders for word in _split(folder)]
    numbered = any(map(_has_digit, around))
    marked = any(_is_mark(word) or EYE_AT_THE_END.fullmatch(word) for word in around)
    first = next(filter(None, words), '')
    return '' if numbered or marked or _is_mark(first) else _patient(words)


def _is_mark(word):
    return word in EYES or VISIT.fullmatch(word)


def _cut(paths):
    """The words of names, without those that all of them begin with."""
    words = {name: _split('_'.join(path)) for name, path in paths.items()}
    common = _count_common([*words.values()])
    return {name: found[common:] for name, found in words.items()}


def _split(name):
    return re.split(r'[\s_.-]+', name.lower())


def _match_patients(names, pattern):
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f'--patient {pattern!r}: {error}') from error
    if compiled.groups != 1:
        raise InputError(
            f'--patient {pattern!r}: has {compiled.groups} groups, expected one: what '
            r"tells the patient, as in '(\d+)_.*'"
        )
    patients = {}
    for name in names:
        match = compiled.match(name)
        if not match or not match[1]:
            raise InputError(f'--patient {pattern!r}: does not fit the name {name!r}')
        patients[name] = match[1]
    return patients


def _count_common(names):
    """How many parts all of the names begin with; the last part never counts."""
    shortest = min(map(len, names), default=1) - 1
    for index in range(shortest):
        if len({words[index] for words in names}) > 1:
            return index
    return max(0, shortest) if len(names) > 1 else 0


def _patient(words):
    """The patient in the parts of a name; empty where it is not told."""
    words = [word for word in words if word]
    if words[:1] and words[0] in EYES:
        # The eye first: left_0001.
        return '_'.join(words[1:2])
    for index, word in enumerate(words):
        joined = EYE_AT_THE_END.fullmatch(word)
        if joined:
            return '_'.join([*words[:index], joined[1]])
        if index and _is_mark(word):
            return '_'.join(words[:index])
    before = '_'.join(words[:-1])
    return before if words[-1:] and words[-1].isdigit() and _has_digit(before) else ''


def _has_digit(word):
    return any(c.isdigit() for c in word)


def split_own(
    subsets: dict[str, str | None], patients: dict[str, str], where: str | Path
) -> tuple[dict[str, list[str]], list[str]]:
    """Choose the splits.

    Where no folder says what the photographs are for, a fifth of the patients is for
    testing and a tenth for validation, drawn with a fixed seed. Where folders say it,
    they decide; of a set that has none for validation, a tenth of the patients of its
    training photographs is.

    Args:
        subsets (Dict[str, str | None]): name -> what its folder says.
        patients (Dict[str, str]): name -> patient.
        where (str | Path): the source, for messages.

    Returns:
        Tuple[Dict[str, List[str]], List[str]]: split -> its names, sorted; and
        warnings: patients whose photographs the folders put on both sides.

    Raises:
        InputError: only some photographs lie in such folders, or too few patients.
    """
    if not any(subsets.values()):
        return split_by_seed(subsets, patients.get, where), []
    names = defaultdict(list)
    for name, subset in sorted(subsets.items()):
        if subset is None:
            raise InputError(
                f'{where}: {name} lies in no folder train, val or test, others do; '
                'expected all of them or none'
            )
        names[subset].append(name)
    if names['train'] and not names['val']:
        drawn = split_by_seed(names['train'], patients.get, where, test=False)
        names.update(train=drawn['train'], val=drawn['val'])
    splits = dict(
        train=names['train'],
        val=names['val'],
        trainval=sorted(names['train'] + names['val']),
        test=names['test'],
    )
    return {key: value for key, value in splits.items() if value}, _find_leaks(
        splits, patients
    )


def _find_leaks(splits, patients):
    warnings = []
    for one, other in (('train', 'val'), ('trainval', 'test')):
        both = {patients[n] for n in splits[one]} & {patients[n] for n in splits[other]}
        if both:
            warnings.append(
                f'{len(both)} patients have photographs in {one} and in {other}: '
                f'{first_few(sorted(both))}'
            )
    return warnings
