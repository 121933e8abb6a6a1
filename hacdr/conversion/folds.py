"""Folds for cross-validation: always the same, with about as much of each lesion."""

from __future__ import annotations

from collections import defaultdict
from typing import Mapping, Sequence

import numpy as np

FOLDS = 3, 5
# Swaps are tried between the groups that matter most; of many the rest is even anyway.
MOST_GROUPS = 200


def fold_lists(
    amounts: dict[str, Sequence[float]], patients: Mapping[str, str]
) -> dict[str, list[str]]:
    """Divide photographs into folds.

    Args:
        amounts (Dict[str, Sequence[float]]): photograph -> how much it has of each
            thing that the folds shall have equally much of.
        patients (Mapping[str, str]): photograph -> patient, whose photographs stay
            together; one that is missing is of a patient of its own.

    Returns:
        Dict[str, List[str]]: for each number of ``FOLDS`` and each fold the lists
        'fold1of3_train' and 'fold1of3_val', sorted; the latter hold every photograph
        once. Nothing where there are fewer patients than folds.
    """
    groups = defaultdict(list)
    for name in amounts:
        groups[patients.get(name, name)].append(name)
    sums = {
        group: np.sum([amounts[name] for name in names], 0)
        for group, names in groups.items()
    }
    lists = {}
    for number in FOLDS:
        if len(groups) < number:
            continue
        fold_of = choose_folds(sums, number)
        for fold in range(number):
            held_out = {n for g in groups if fold_of[g] == fold for n in groups[g]}
            prefix = f'fold{fold + 1}of{number}'
            lists[f'{prefix}_train'] = sorted({*amounts} - held_out)
            lists[f'{prefix}_val'] = sorted(held_out)
    return lists


def choose_folds(amounts: dict[str, np.ndarray], number: int) -> dict[str, int]:
    """Divide groups into folds that have about as much of everything.

    A random division, always the same, into folds of as many groups; then, while there
    is one, the swap of two groups that brings the folds nearest to each other.

    Args:
        amounts (Dict[str, np.ndarray]): group -> how much it has of each thing.
        number (int): how many folds.

    Returns:
        Dict[str, int]: group -> fold, from 0 on.
    """
    names = sorted(amounts)
    shares = np.array([amounts[name] for name in names], float)
    shares /= np.maximum(shares.sum(0), 1)
    fold = np.random.default_rng(0).permutation(len(names)) % number
    swapped = np.argsort(-shares.max(1), kind='stable')[:MOST_GROUPS]
    own = shares[swapped]
    difference = own[:, None] - own[None]
    while True:
        loads = np.array([shares[fold == k].sum(0) for k in range(number)])
        load = loads[fold[swapped]]
        # How much the sum of squares of all loads changes, halved.
        change = (difference * (load[None] - load[:, None] + difference)).sum(-1)
        change[fold[swapped][:, None] == fold[swapped][None]] = 0
        one, other = np.unravel_index(np.argmin(change), change.shape)
        if change[one, other] > -1e-9:
            return dict(zip(names, fold.tolist()))
        pair = swapped[[one, other]]
        fold[pair] = fold[pair[::-1]]
