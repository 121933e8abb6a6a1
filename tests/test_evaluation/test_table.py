import pytest

from hacdr.errors import InputError
from hacdr.evaluation import Protocol, format_table, summarise

from .small_predictions import binary, photograph

METRICS = ('AUPR', 'Dice', 'IoU', 'Dice@t')


@pytest.mark.parametrize('metrics', [METRICS[:1], METRICS[:3], METRICS])
def test_the_table_fits_and_says_what_it_is(scores, metrics):
    thresholds = dict(EX=0.123456, HE=0.2, SE=0.3, MA=0.00001)
    summary = summarise(scores, thresholds, select_thresholds=True)
    text = format_table(summary, Protocol('masks', 'fov'), 3, metrics)
    assert max(map(len, text.splitlines())) <= 80
    assert '3 photographs, pixels pooled; 95 % intervals, 2000 draws' in text
    assert "AUPR protocol: exact; ground truth: experts' masks; field of view" in text
    assert '-: MA in no photograph' in text
    assert 'm2mrf-11' in text
    assert 'Dice@t at score >= EX 0.1235' in text
    assert 'best Dice here at score >= EX' in text


def test_values_and_intervals(scores):
    summary = summarise(scores)
    one = summary['figures']['Dice']['HE']
    row = format_table(summary, Protocol(), 3, ('Dice',)).splitlines()[4]
    expected = f'{one["value"]:.3f} {one["low"]:.3f}-{one["high"]:.3f}'
    assert row == f'HE haemorrhages       {expected}'


def test_without_intervals(scores):
    summary = summarise(scores, with_intervals=False)
    text = format_table(summary, Protocol(), 3, ('Dice',))
    assert 'intervals' not in text
    value = summary['figures']['Dice']['HE']['value']
    assert value == summarise(scores)['figures']['Dice']['HE']['value']
    assert text.splitlines()[4] == f'HE haemorrhages       {value:.3f}'


def test_a_single_photograph_has_no_intervals():
    summary = summarise([binary([0.9, 0.2, 0.7], [1, 0, 0])])
    text = format_table(summary, Protocol(), 1, ('AUPR', 'Dice'))
    assert text.startswith('1 photograph, pixels pooled\n')
    assert 'EX hard exudates      1.000' in text


def test_what_is_nowhere_predicted_is_said():
    summary = summarise([binary([0.0, 0.0], [1, 0])])
    text = format_table(summary, Protocol(), 1, ('Precision',))
    assert '-: EX nowhere predicted' in text


def test_what_has_no_interval_is_said():
    scores = [photograph(0), *(photograph(k, absent=(3, 4)) for k in (1, 2))]
    text = format_table(summarise(scores), Protocol(), 3, ('AUPR', 'Dice'))
    assert 'no interval: SE, MA in fewer than two photographs, and means' in text


def test_only_what_is_left_out_is_said_to_be():
    """SE is predicted where it is not: its Dice is 0, and part of the mean."""
    one = binary([0.9, 0.2], [1, 0])
    one.counts[1, 2] = 1
    text = format_table(summarise([one, one]), Protocol(), 2, ('Dice',))
    assert '-: HE, MA in no photograph by the ground truth' in text


def test_lesions_one_by_one():
    summary = summarise([photograph(k, match_at=[[0.3]] * 4) for k in range(2)])
    text = format_table(summary, Protocol.of('labels', 'image', True), 2)
    assert 'FROC score' in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('mask', 'image'), "ground_truth is 'mask', expected one of labels, masks"),
        (('labels', 'eye'), "region is 'eye', expected one of image, fov"),
    ],
)
def test_unknown_protocols(options, message):
    with pytest.raises(InputError, match=message):
        Protocol(*options)


@pytest.mark.parametrize('metrics', [METRICS[:3], METRICS])
def test_long_names_fit_too(scores, metrics):
    names = dict(
        EX='EX',
        HE='intraretinal microvascular anomalies',
        SE='neovascularisation elsewhere',
        MA='fibrous proliferation',
        mean='mean',
    )
    summary = summarise(scores, dict.fromkeys(('EX', 'HE', 'SE', 'MA'), 0.2))
    summary['figures'] = {
        metric: {names[lesion]: figure for lesion, figure in figures.items()}
        for metric, figures in summary['figures'].items()
    }
    summary['thresholds'] = {
        names[lesion]: value for lesion, value in summary['thresholds'].items()
    }
    rows = format_table(summary, Protocol(), 3, metrics).splitlines()
    assert max(map(len, rows)) <= 80
    after = rows[rows.index(names['HE']) + 1]
    column = rows[2].index('AUPR')
    assert after[:column].isspace()
    assert after[column:].startswith('0.')
