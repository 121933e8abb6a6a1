import copy
import functools

import pytest

from hacdr.errors import InputError
from hacdr.evaluation import (
    Protocol,
    check_comparable,
    compare,
    format_comparison,
    keep_common,
    read_results,
    summarise,
    write_results,
)

from .small_predictions import ABOUT, photograph

PHOTOGRAPHS = 8


@functools.lru_cache(maxsize=None)
def scores_at(skill):
    return [photograph(k, skill, absent=(4,)) for k in range(PHOTOGRAPHS)]


def results(path, skill, names=None, **changes):
    scores = scores_at(skill)
    names = names or [f'images/test/{k}.jpg' for k in range(PHOTOGRAPHS)]
    protocol = changes.pop('protocol', Protocol())
    write_results(
        path, scores, names, names, summarise(scores), protocol, **{**ABOUT, **changes}
    )
    return read_results(path)


@pytest.fixture
def worse(tmp_path):
    return results(str(tmp_path / 'a.json'), 1.0)


@pytest.fixture
def better(tmp_path):
    return results(str(tmp_path / 'b.json'), 1.5)


def test_scores_of_other_lesions(worse):
    other = copy.deepcopy(worse[0])
    other['lesions'] = ['EX', 'HE', 'SE', 'drusen']
    with pytest.raises(InputError, match='b: scores of EX, HE, SE, drusen, expected E'):
        check_comparable(worse[0], other, ('a', 'b'))


def test_the_better_one_is_found(worse, better):
    comparison = compare(*worse, *better)
    for name in ('EX', 'HE', 'SE', 'mean'):
        one = comparison['AUPR'][name]
        assert one['verdict'] == 'better'
        assert one['a'] < one['b']
        assert 0 < one['low'] < one['b'] - one['a'] < one['high']
        assert one['better'] == 1
        assert compare(*better, *worse)['AUPR'][name]['verdict'] == 'worse'
    assert comparison['AUPR']['MA']['verdict'] is None


def test_equal_ones_are_not_told_apart(worse):
    one = compare(*worse, *worse)['Dice']['mean']
    assert (one['verdict'], one['better']) == ('not told apart', 0.5)
    assert one['low'] == one['high'] == 0


def test_photographs_are_paired_by_name(tmp_path, worse):
    content, scores = copy.deepcopy(worse)
    content['photographs'].reverse()
    check_comparable(worse[0], content, 'ab')
    comparison = compare(*worse, content, scores[::-1])
    assert comparison['AUPR']['EX']['low'] == comparison['AUPR']['EX']['high'] == 0


def test_a_single_photograph_has_no_verdict(worse, better):
    one, two = copy.deepcopy(worse), copy.deepcopy(better)
    for content, scores in (one, two):
        del content['photographs'][1:], scores[1:]
    comparison = compare(*one, *two)
    assert comparison['AUPR']['EX']['verdict'] is None
    assert comparison['AUPR']['mean']['verdict'] is None
    assert 'fewer than 2 photographs' in format_comparison(comparison, Protocol(), 1)


def test_a_lesion_in_one_photograph_has_no_verdict(tmp_path):
    both = []
    for name, skill in (('a', 1.0), ('b', 2.0)):
        scores = [photograph(0, skill), *scores_at(skill)[1:]]
        names = [f'{k}.jpg' for k in range(PHOTOGRAPHS)]
        path = str(tmp_path / f'{name}.json')
        write_results(
            path, scores, names, names, summarise(scores), Protocol(), **ABOUT
        )
        both += read_results(path)
    dice = compare(*both)['Dice']
    assert dice['MA']['a'] < dice['MA']['b']
    assert [one['verdict'] for one in dice.values()] == [*['better'] * 3, None, None]


def test_means_are_of_the_lesions_that_both_define(worse, better):
    """B predicts no pixel of a lesion that no photograph has, A some."""
    content, scores = copy.deepcopy(better)
    for one in scores:
        one.counts[1, 3] = 0
    dice = compare(*worse, content, scores)['Dice']
    assert dice['MA']['a'] is None
    for side in 'ab':
        mean = sum(dice[name][side] for name in ('EX', 'HE', 'SE')) / 3
        assert dice['mean'][side] == pytest.approx(mean)


def test_the_table_fits(worse, better):
    text = format_comparison(compare(*worse, *better), Protocol(), PHOTOGRAPHS)
    assert max(map(len, text.splitlines())) <= 80
    assert 'AUPR protocol: exact; ground truth: label map; whole image' in text
    assert 'better' in text


def test_long_names_fit_too(worse, better):
    comparison = compare(*worse, *better)
    for lesions in comparison.values():
        lesions['neovascularisation elsewhere'] = lesions.pop('HE')
    rows = format_comparison(comparison, Protocol(), PHOTOGRAPHS).splitlines()
    assert max(map(len, rows)) <= 80
    after = rows[rows.index('neovascularisation elsewhere') + 1]
    assert after.index('0.') == rows[3].index('0.')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(dataset='DDRDataset'), 'b: dataset is DDRDataset, expected IDRiDDataset'),
        (dict(split='val'), 'b: split is val, expected test as in a'),
        (
            dict(protocol=Protocol(ground_truth='masks')),
            'ground_truth masks, expected labels',
        ),
        (dict(protocol=Protocol(region='fov')), 'region fov, expected image'),
        (
            dict(names=[f'images/test/{k}.jpg' for k in range(1, PHOTOGRAPHS + 1)]),
            r'b: no images/test/0\.jpg, expected the 8 photographs of a',
        ),
    ],
)
def test_what_cannot_be_compared(worse, changes, message, tmp_path):
    other, _ = results(str(tmp_path / 'c.json'), 1.0, **changes)
    with pytest.raises(InputError, match=message):
        check_comparable(worse[0], other, 'ab')


def test_another_truth(worse, better):
    better[0]['photographs'][2]['counts'][2][0] += 1
    with pytest.raises(
        InputError, match=r'b: another ground truth for images/test/2\.jpg'
    ):
        check_comparable(worse[0], better[0], 'ab')


def test_photographs_that_both_have(tmp_path, better):
    scores = scores_at(1.0)
    a = [better[0]['photographs'][k]['image'] for k in (6, 1, 3)]
    path = str(tmp_path / 'a.json')
    chosen = [scores[k] for k in (6, 1, 3)]
    write_results(
        path, chosen, a, a, summarise(chosen), Protocol(), **{**ABOUT, 'split': 'val'}
    )
    few = read_results(path)
    kept_few, kept_all = keep_common([few, better], ('a', 'b'))
    check_comparable(kept_few[0], kept_all[0], ('a', 'b'))
    names = [image['image'] for image in kept_all[0]['photographs']]
    assert names == sorted(a)
    alone = compare(*kept_few, *kept_few)['AUPR']['mean']
    both = compare(*kept_few, *kept_all)['AUPR']['mean']
    assert (
        both['a']
        == alone['a']
        == pytest.approx(few[0]['summary']['figures']['AUPR']['mean']['value'])
    )
    assert both['b'] > both['a']


def test_no_photograph_that_both_have(tmp_path, worse):
    names = [f'images/train/{k}.jpg' for k in range(PHOTOGRAPHS)]
    other = results(str(tmp_path / 'b.json'), 1.5, names)
    with pytest.raises(InputError, match='b: no photograph that is in a too'):
        keep_common([worse, other], ('a', 'b'))
