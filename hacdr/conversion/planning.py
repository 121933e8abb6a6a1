"""Plans of published data sets: records, splits, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Iterable

import numpy as np

from hacdr.conversion.pairing import Pair
from hacdr.conversion.plan import Plan, Record
from hacdr.conversion.sources import Source
from hacdr.errors import InputError


def plan_from_pairs(
    source: Source,
    pairs: list[Pair],
    name: str,
    looked_for: str,
    lesions: dict[str, str],
    official: int,
    group: Callable,
    **options: Any,
) -> Plan:
    """Plan the conversion of a set without an official split.

    Args:
        source (Source): where the pairs were found.
        pairs (List[Pair]): of :func:`find_pairs`.
        name (str): what the data set is called.
        looked_for (str): examples of its files, for the message.
        lesions (Dict[str, str]): lesion as in ``Pair.masks`` -> its short name.
        official (int): how many photographs there should be.
        group (callable): see :func:`split_by_seed`.
        **options: of the :class:`~hacdr.conversion.Plan`.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: no pair has a mask.
    """
    if not any(pair.masks for pair in pairs):
        raise InputError(
            f'{source.path}: not {name}; looked for {looked_for} and the like'
        )
    splits = split_by_seed([pair.name for pair in pairs], group, source.path)
    records = make_records(pairs, splits, lesions)
    warnings = warn_of_number(len(pairs), official)
    patients = {pair.name: group(pair.name) for pair in pairs}
    return Plan(name, records, splits, warnings, patients=patients, **options)


def split_by_seed(
    names: Iterable[str], group: Callable, where: str | Path, test: bool = True
) -> dict[str, list[str]]:
    """Choose splits for a data set that has none of its own: a fifth of the groups
    is for testing, a tenth for validation, the same ones every time.

    Args:
        names (Iterable[str]): the photographs.
        group (callable): name -> what must stay together, such as the patient.
        where (str | Path): the source, for the message.
        test (bool): whether some are for testing.

    Returns:
        Dict[str, List[str]]: 'train', 'val', 'trainval', 'test' -> names, sorted.

    Raises:
        InputError: there are fewer groups than splits.
    """
    groups = sorted({group(name) for name in names})
    if len(groups) < 2 + test:
        raise InputError(
            f'{where}: photographs of {len(groups)} patients, expected {2 + test} or '
            'more to choose some for validation and testing among them'
        )
    order = np.random.default_rng(0).permutation(len(groups))
    number = max(1, len(groups) // 5) if test else 0
    last = number + max(1, len(groups) // 10)
    chosen = {groups[i]: 'test' for i in order[:number]}
    chosen.update((groups[i], 'val') for i in order[number:last])
    splits = dict(train=[], val=[], trainval=[], test=[])
    for name in sorted(names):
        split = chosen.get(group(name), 'train')
        splits[split].append(name)
        if split != 'test':
            splits['trainval'].append(name)
    return splits


def make_records(
    pairs: list[Pair], splits: dict[str, list[str]], lesions: dict[str, str]
) -> list[Record]:
    """Turn pairs into what is to be converted.

    Args:
        pairs (List[Pair]): the photographs.
        splits (Dict[str, List[str]]): those of 'test' go to the folder test, all
            others to train.
        lesions (Dict[str, str]): what the masks' files call a lesion -> EX, HE, SE
            or MA.

    Returns:
        List[Record]: in the order of the pairs.
    """
    test = {*splits['test']}
    return [
        Record(
            pair.name,
            'test' if pair.name in test else 'train',
            pair.photograph,
            {lesions[name]: file for name, file in pair.masks.items()},
        )
        for pair in pairs
    ]


def warn_of_number(found: int, official: int, what: str = 'photographs') -> list[str]:
    """Say how many are missing or too many.

    Returns:
        List[str]: one line, or nothing where ``found`` is ``official``.
    """
    if found == official:
        return []
    difference = f'{abs(found - official)} {"more" if found > official else "missing"}'
    return [f'{found} {what}, the official set has {official} ({difference})']
