import json

import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.evaluation import Protocol, ground_truth_bits, summarise, write_results
from hacdr.evaluation.scores import score_image
from hacdr.inference.thresholds import read_thresholds


@pytest.fixture
def results(tmp_path):
    probabilities = np.zeros((5, 1, 3), np.float32)
    probabilities[1] = [0.9, 0.6, 0.1]
    ground_truth = ground_truth_bits(np.array([[1, 1, 0]], np.uint8))
    scores = [score_image(probabilities, ground_truth)]
    path = tmp_path / 'results_val.json'
    write_results(
        str(path),
        scores,
        ['a.jpg'],
        ['a.png'],
        summarise(scores, select_thresholds=True),
        Protocol(),
        split='val',
        dataset='IDRiDDataset',
        data_root='data',
        config='a.py',
        checkpoint_sha256='00',
        probabilities=None,
    )
    return path


def test_thresholds_of_validation_photographs(results):
    thresholds = read_thresholds(str(results), '00', 'IDRiDDataset')
    assert thresholds['EX'] == pytest.approx(0.6)
    assert list(thresholds) == ['EX', 'HE', 'SE', 'MA']


@pytest.mark.parametrize(
    ('changes', 'checkpoint', 'message'),
    [
        (dict(split='test'), '00', 'must not choose thresholds'),
        ({}, '11', 'a checkpoint with sha256 00, expected 11'),
        (dict(dataset='DDRDataset'), '00', 'for DDRDataset, expected IDRiD'),
    ],
)
def test_thresholds_of_others(results, changes, checkpoint, message):
    results.write_text(json.dumps({**json.loads(results.read_text()), **changes}))
    with pytest.raises(InputError, match=message):
        read_thresholds(str(results), checkpoint, 'IDRiDDataset')
