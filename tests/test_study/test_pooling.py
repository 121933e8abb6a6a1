"""Folds: one score over all photographs, each predicted by a training without it."""

import json
import os

import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.evaluation import (
    Protocol,
    figures,
    read_results,
    summarise,
    write_results,
)
from hacdr.study import write_table
from hacdr.study.pooling import pool_finished, pool_results
from tests.test_evaluation.small_predictions import ABOUT, photograph

from .made_up import CONFIG

SCORES = {name: photograph(seed) for seed, name in enumerate('abcdef')}
FOLDS = 'ab', 'cd', 'ef'


def write(path, names, protocol=None, **about):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    scores = [SCORES[name] for name in names]
    write_results(
        path,
        scores,
        [f'images/train/{name}.jpg' for name in names],
        [f'labels/train/{name}.png' for name in names],
        summarise(scores, with_intervals=False),
        protocol or Protocol(),
        **{**ABOUT, **about},
    )


@pytest.fixture
def files(tmp_path):
    files = [str(tmp_path / name / 'results_val.json') for name in FOLDS]
    for path, names in zip(files, FOLDS):
        write(path, names, checkpoint_sha256=names)
    return files


def test_pooled_is_as_if_tested_together(tmp_path, files):
    pool_results(files, str(tmp_path / 'results_folds.json'))
    content, scores = read_results(tmp_path / 'results_folds.json')
    assert [image['name'] for image in content['photographs']] == [*SCORES]
    for metric, values in figures([*SCORES.values()]).items():
        np.testing.assert_array_equal(figures(scores)[metric], values)
    mean = content['summary']['figures']['AUPR']['mean']
    assert mean['low'] < mean['value'] < mean['high']
    assert content['checkpoint_sha256'] == 'ab, cd, ef'


def test_folds_that_share_a_photograph(tmp_path, files):
    write(files[1], 'bd')
    with pytest.raises(InputError, match=r'b\.jpg is among the photographs of two fol'):
        pool_results(files, str(tmp_path / 'results_folds.json'))
    assert not (tmp_path / 'results_folds.json').exists()


@pytest.mark.parametrize(
    ('about', 'message'),
    [
        (dict(protocol=Protocol(region='fov')), 'protocol is '),
        (dict(data_root='other'), 'data_root is other, expected data/IDRiD as in'),
    ],
)
def test_folds_that_were_scored_in_another_way(tmp_path, files, about, message):
    write(files[2], 'ef', **about)
    with pytest.raises(InputError, match=f'ef.results_val.json: {message}'):
        pool_results(files, str(tmp_path / 'results_folds.json'))


def test_folds_that_are_tested_again_are_pooled_again(study):
    one = study(entries=[dict(name='a', config=CONFIG)], folds=3)
    entry = one.entries[0]
    for run, names in zip(entry.runs, FOLDS):
        write(run.results_file, names)
    pool_finished(one)
    before = os.stat(entry.results_file(0)).st_mtime_ns
    pool_finished(one)
    assert os.stat(entry.results_file(0)).st_mtime_ns == before
    write(entry.runs[2].results_file, 'f')
    pool_finished(one)
    assert len(read_results(entry.results_file(0))[1]) == 5


def test_a_run_for_each_fold(study):
    (entry,) = study(folds=3, seeds=[0, 4]).entries
    assert [run.name for run in entry.runs[:3]] == [
        'a, seed 0, fold 1 of 3',
        'a, seed 0, fold 2 of 3',
        'a, seed 0, fold 3 of 3',
    ]
    run = entry.runs[4]
    assert run.folder.endswith('/a/seed4/fold2')
    train, val = run.config.data.train.dataset, run.config.data.val
    assert train.split == 'splits/fold2of3_train.txt'
    assert val.split == 'splits/fold2of3_val.txt'
    assert entry.config.data.val.split == 'splits/val.txt'
    assert entry.results_file(4).endswith('/a/seed4/results_folds.json')


def test_all_folds_of_an_entry_come_together(study):
    entries = [dict(name=name, config=CONFIG) for name in 'ab']
    assert [
        (run.entry.name, run.seed, run.fold)
        for run in study(folds=3, seeds=[0, 4], entries=entries).runs
    ] == [(name, seed, fold) for seed in (0, 4) for name in 'ab' for fold in (1, 2, 3)]


@pytest.mark.parametrize('content', [dict(folds=4), dict(folds=3, split='test')])
def test_folds_that_there_are_not(study, content):
    with pytest.raises(InputError, match=r'folds must be one of \[3, 5\], with split'):
        study(**content)


def test_the_table_has_the_pooled_score(tmp_path, study):
    read = study(folds=3, seeds=[0])
    (entry,) = read.entries
    for run, names in zip(entry.runs, FOLDS):
        assert not os.path.exists(entry.results_file(0))
        write(run.results_file, names)
        os.makedirs(run.training_folder)
        with open(os.path.join(run.training_folder, 'training.json'), 'w') as file:
            json.dump(dict(iterations=10, seconds=5.0), file)
        pool_finished(read)
        write_table(read)
    text = (tmp_path / 'work' / 'table.md').read_text()
    value = figures([*SCORES.values()])['AUPR'].mean()
    assert f'| a | 1 of 1 | {figures([*SCORES.values()])["AUPR"][0]:.3f} |' in text
    assert f'| {value:.3f} |' in text
    assert 'in 95 % of draws of 6 photographs' in text
    assert 'Tested on the photographs that 3 folds held out, pooled.' in text
