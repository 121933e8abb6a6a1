import functools
import json
import math
import operator
import re

import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.evaluation import (
    Protocol,
    figures,
    ground_truth_bits,
    read_content,
    read_results,
    score_image,
    summarise,
    write_results,
)
from hacdr.evaluation.shape import FIGURE

from .small_predictions import ABOUT, photograph

NAMES = [f'images/test/{name}.jpg' for name in 'abc']
GROUND_TRUTHS = [f'labels/test/{name}.png' for name in 'abc']


@pytest.fixture
def path(scores, tmp_path):
    path = tmp_path / 'results.json'
    summary = summarise(scores)
    write_results(str(path), scores, NAMES, GROUND_TRUTHS, summary, Protocol(), **ABOUT)
    return path


def test_what_is_written_is_read(scores, path, tmp_path):
    content, read = read_results(str(path))
    assert content['protocol']['aupr'] == 'exact'
    assert [image['name'] for image in content['photographs']] == ['a', 'b', 'c']
    assert [image['image'] for image in content['photographs']] == NAMES
    assert [image['ground_truth'] for image in content['photographs']] == GROUND_TRUTHS
    assert content['photographs'][0]['height'] == 40
    assert content['checkpoint_sha256'] == '00'
    # MA is in no label map: null in the file, NaN when computed.
    assert content['summary']['figures']['AUPR']['MA']['value'] is None
    for metric, values in figures(scores).items():
        np.testing.assert_array_equal(figures(read)[metric], values)
    assert list(tmp_path.iterdir()) == [path]


def test_figures_of_each_photograph(scores, path):
    content, _ = read_results(str(path))
    for image, one in zip(content['photographs'], scores):
        dice = figures([one])['Dice']
        assert image['figures']['Dice']['EX'] == dice[0]
        assert image['figures']['AUPR']['MA'] is None
    means = content['summary']['per_photograph']['Dice']
    each = [image['figures']['Dice']['EX'] for image in content['photographs']]
    assert means['EX'] == pytest.approx(np.mean(each))


def test_lesions_one_by_one_are_kept(tmp_path):
    at = [[0.2, 0.5]] * 4
    scores = [photograph(k, match_at=at) for k in range(2)]
    summary = summarise(scores)
    path = str(tmp_path / 'a.json')
    protocol = Protocol.of('labels', 'image', True)
    write_results(
        path, scores, NAMES[:2], GROUND_TRUTHS[:2], summary, protocol, **ABOUT
    )
    content, read = read_results(path)
    assert summarise(read)['froc'] == content['summary']['froc'] == summary['froc']
    assert content['protocol']['matching'] == 0.2
    assert summary['froc']['EX']['lesions'] > 0


def test_label_maps_have_no_histograms(tmp_path):
    label = np.array([[0, 1], [2, 4]], np.uint8)
    scores = [score_image(label, ground_truth_bits(label))]
    path = str(tmp_path / 'a.json')
    summary = summarise(scores)
    write_results(
        path, scores, NAMES[:1], GROUND_TRUTHS[:1], summary, Protocol(), **ABOUT
    )
    _, read = read_results(path)
    assert read[0].histograms == []
    assert read[0].above is None


def test_other_lesions_than_the_field_has(tmp_path):
    names = ['drusen', 'EX']
    bits = ground_truth_bits(np.array([[1, 2, 2, 0]], np.uint8), lesions=2)
    p = np.array([[0, 0, 0.5, 1], [1, 0, 0, 0], [0, 1, 0.5, 0]], np.float32)[:, None]
    scores = [score_image(p, bits, lesions=2)]
    summary = summarise(scores, dict(drusen=0.5, EX=0.5), True, lesions=names)
    assert list(summary['figures']['AUPR']) == ['drusen', 'EX', 'mean']
    assert summary['best_dice_thresholds'] == dict(drusen=1.0, EX=0.5)
    write_results(
        str(tmp_path / 'a.json'),
        scores,
        NAMES[:1],
        GROUND_TRUTHS[:1],
        summary,
        Protocol(),
        lesions=names,
        **ABOUT,
    )
    content, read = read_results(str(tmp_path / 'a.json'))
    assert content['lesions'] == names
    assert content['photographs'][0]['figures']['Dice']['EX'] == pytest.approx(2 / 3)
    assert figures(read)['AUPR'].tolist() == [1, 1]


def test_a_file_that_is_cut_off(path):
    path.write_text(path.read_text()[:1000])
    with pytest.raises(InputError, match='not JSON or cut off'):
        read_results(str(path))


@pytest.mark.parametrize('text', ['{}', 'null', '[]', json.dumps(dict(format='other'))])
def test_a_file_of_another_kind(text, tmp_path):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(InputError, match='not a results file of version 3'):
        read_results(str(tmp_path / 'a.json'))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match='No such file'):
        read_results(str(tmp_path / 'a.json'))


def damage(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            lambda c: c.pop('protocol'),
            'damaged at protocol: missing, expected an object',
        ),
        (lambda c: c.update(protocol=None), 'damaged at protocol: None, expected an'),
        (lambda c: c['protocol'].update(other=1), "damaged, protocol: .*'other'"),
        (lambda c: c['protocol'].pop('region'), r'at protocol\.region: missing'),
        (
            lambda c: c['photographs'][0]['histograms'].clear(),
            'photograph a .AUPR without histograms',
        ),
        (lambda c: c['protocol'].update(region='x'), "json: damaged, .*region is 'x'"),
        (lambda c: c.update(summary=None), 'damaged at summary: None, expected an obj'),
        (
            lambda c: c['summary'].pop('thresholds'),
            r'at summary\.thresholds: missing, expected an object',
        ),
        (
            lambda c: c['summary'].pop('figures'),
            r'damaged at summary\.figures: missing',
        ),
        (
            lambda c: c['photographs'].clear(),
            r'at photographs: \[\], expected a list, not',
        ),
        (
            lambda c: c['photographs'][0]['counts'][0].__setitem__(0, 10**30),
            'damaged at photograph a',
        ),
        (lambda c: c.update(lesions=['EX', 'MA']), 'damaged at photograph a'),
        (
            lambda c: c.update(lesions=['EX', 'NV']),
            r'Dice\.NV: missing, expected an ob',
        ),
        (
            lambda c: c.update(lesions=[]),
            r'at lesions: \[\], expected a list, not empty',
        ),
        (lambda c: c.update(lesions=4), 'damaged at lesions: 4, expected a list'),
        (lambda c: c['photographs'][1].pop('counts'), "photograph b .'counts'"),
        (
            lambda c: c['photographs'][1]['histograms'].pop(),
            'photograph b .3 histograms, expected 4',
        ),
        (
            lambda c: c['photographs'][2]['histograms'][0].update(positives='AAAA'),
            'damaged at photograph c',
        ),
    ],
)
def test_damaged_files(path, change, message):
    damage(path, change)
    with pytest.raises(InputError, match=message):
        read_results(str(path))


@pytest.mark.parametrize(
    'where',
    [
        'summary.figures.AUPR.SE.value',
        'summary.figures.Dice.mean.high',
        'summary.figures.IoU.EX',
        'summary.figures.AUPR',
        'summary.figures',
        'summary.thresholds',
        'summary.best_dice_thresholds.EX',
        'summary.froc.SE.score',
        'summary.froc.HE.sensitivity',
        'summary.froc.HE.false_per_image[0]',
        'summary.bootstrap.seed',
        'packages.numpy',
        'checkpoint_sha256',
        'split',
        'data_root',
        'label_values',
        'probabilities',
        'photographs',
        'photographs[2]',
        'photographs[1].figures.AUPR.mean',
        'photographs[1].figures.Dice',
        'photographs[0].figures',
        'photographs[0].width',
        'photographs[0].height',
        'photographs[0].name',
        'photographs[0].image',
        'photographs[0].ground_truth',
        'photographs[0].label_map',
        'photographs[0].probabilities.MA',
    ],
)
def test_values_of_another_kind(tmp_path, where):
    path = str(tmp_path / 'a.json')
    scores = [photograph(k, match_at=[[0.2, 0.5]] * 4) for k in range(3)]
    for one in scores:
        one.files = {'MA': 'a.png'}
    summary = summarise(scores, select_thresholds=True)
    write_results(path, scores, NAMES, GROUND_TRUTHS, summary, Protocol(), **ABOUT)
    content = json.loads((tmp_path / 'a.json').read_text())
    *before, last = [
        int(part) if part.isdigit() else part for part in re.findall(r'[\w]+', where)
    ]
    holder = functools.reduce(operator.getitem, before, content)
    named = re.escape(where)
    for value in (True, math.nan, [3], {'a': 'b', 'mean': 10**400}):
        holder[last] = value
        (tmp_path / 'a.json').write_text(json.dumps(content))
        with pytest.raises(
            InputError, match=rf'a\.json: damaged at {named}.*, expected'
        ):
            read_results(path)


def test_what_may_be_null_or_missing(path):
    def change(content):
        for name in ('bootstrap', 'froc', 'best_dice_thresholds'):
            content['summary'][name] = None
        content['checkpoint_sha256'] = None
        del content['probabilities']
        content['summary']['figures']['AUPR']['EX'] = dict.fromkeys(FIGURE)
        content['photographs'][0]['figures']['Dice']['mean'] = None
        del content['photographs'][0]['label_map']

    damage(path, change)
    read_results(str(path))


def test_the_content_alone_decodes_no_scores(path):
    content, _ = read_results(str(path))
    assert read_content(str(path)) == content
    damage(path, lambda c: c['photographs'][1].pop('counts'))
    assert read_content(str(path))['summary'] == content['summary']
    path.write_text('{}')
    with pytest.raises(InputError, match='not a results file of version 3'):
        read_content(str(path))
