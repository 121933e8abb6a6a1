import json

import pytest

from hacdr.errors import InputError
from hacdr.evaluation import Protocol, summarise, write_results
from hacdr.inference.thresholds import read_thresholds
from tests.test_evaluation.small_predictions import ABOUT, binary


@pytest.fixture
def results(tmp_path):
    scores = [binary([0.9, 0.6, 0.1], [1, 1, 0])]
    path = tmp_path / 'results_val.json'
    write_results(
        str(path),
        scores,
        ['a.jpg'],
        ['a.png'],
        summarise(scores, select_thresholds=True),
        Protocol(),
        **{**ABOUT, 'split': 'val'},
    )
    return path


def test_thresholds_of_validation_photographs(results):
    thresholds = read_thresholds(str(results), '00', 'IDRiDDataset')
    assert thresholds['EX'] == pytest.approx(0.6)
    assert list(thresholds) == ['EX', 'HE', 'SE', 'MA']


@pytest.mark.parametrize(
    ('changes', 'checkpoint', 'message'),
    [
        (dict(split='test'), '00', 'which choose no thresholds'),
        (dict(split='train'), '00', 'scores of train, which choose no'),
        ({}, '11', 'a checkpoint with sha256 00, expected 11'),
        (dict(dataset='DDRDataset'), '00', 'for DDRDataset, expected IDRiD'),
    ],
)
def test_thresholds_of_others(results, changes, checkpoint, message):
    results.write_text(json.dumps({**json.loads(results.read_text()), **changes}))
    with pytest.raises(InputError, match=message):
        read_thresholds(str(results), checkpoint, 'IDRiDDataset')


def test_pooled_thresholds_are_taken_where_they_are_asked_for(results):
    content = {**json.loads(results.read_text()), 'split': 'folds'}
    results.write_text(json.dumps({**content, 'checkpoint_sha256': '22, 33'}))
    thresholds = read_thresholds(str(results), '00', folds=True)
    assert thresholds['EX'] == pytest.approx(0.6)
    with pytest.raises(InputError, match='scores of folds, which choose no'):
        read_thresholds(str(results), '00')


def test_folds_or_not_the_checkpoint_of_a_test_must_be_the_same(results):
    with pytest.raises(InputError, match='sha256 00, expected 11'):
        read_thresholds(str(results), '11', folds=True)
