import numpy as np
import pytest

from hacdr.conversion.folds import choose_folds, fold_lists

RNG = np.random.default_rng(0)
# Areas as of lesions: few photographs have most.
AMOUNTS = {
    f'{i:02d}': [1, *RNG.lognormal(8, 1, 3) * (RNG.random(3) > 0.4)] for i in range(54)
}


def test_every_photograph_is_held_out_once():
    lists = fold_lists(AMOUNTS, {})
    assert len(lists) == 16
    for number in (3, 5):
        held_out = []
        for fold in range(1, number + 1):
            train, val = (
                lists[f'fold{fold}of{number}_{part}'] for part in ('train', 'val')
            )
            assert sorted(train + val) == sorted(AMOUNTS)
            assert len(val) in (54 // number, 54 // number + 1)
            held_out += val
        assert sorted(held_out) == sorted(AMOUNTS)


@pytest.mark.parametrize('number', [3, 5])
def test_folds_have_about_as_much_of_each_lesion(number):
    fold_of = choose_folds(AMOUNTS, number)
    names = [*AMOUNTS]
    amounts = np.array([AMOUNTS[name] for name in names])
    shares = amounts / amounts.sum(0)

    def spread(fold):
        loads = np.array([shares[fold == k].sum(0) for k in range(number)])
        return abs(loads - 1 / number).max()

    found = spread(np.array([fold_of[name] for name in names]))
    drawn = [spread(RNG.permutation(54) % number) for _ in range(200)]
    assert found < 0.7 * min(drawn)


def test_folds_are_fixed():
    shuffled = dict(sorted(AMOUNTS.items(), key=lambda item: hash(item[0])))
    assert fold_lists(shuffled, {}) == fold_lists(AMOUNTS, {})


def test_patients_stay_together():
    patients = {name: str(int(name) // 2) for name in AMOUNTS}
    for split, names in fold_lists(AMOUNTS, patients).items():
        if split.endswith('_val'):
            assert all(f'{int(name) ^ 1:02d}' in names for name in names)


@pytest.mark.parametrize(('photographs', 'lists'), [(0, 0), (2, 0), (3, 6), (5, 16)])
def test_no_more_folds_than_patients(photographs, lists):
    amounts = dict([*AMOUNTS.items()][:photographs])
    assert len(fold_lists(amounts, {})) == lists


def test_lesions_that_nobody_has():
    assert len(fold_lists({name: [1, 0, 0] for name in 'abcdef'}, {})) == 16


def test_many_photographs_take_no_time():
    amounts = {str(i): RNG.random(5) for i in range(5000)}
    assert len({*choose_folds(amounts, 5).values()}) == 5
