"""Entries of a study against its first one, on the same photographs."""

import os
from pathlib import Path

import pytest

from hacdr.evaluation import Protocol, compare, read_results, summarise, write_results
from hacdr.files import write_json
from hacdr.study import comparing, write_table
from hacdr.study.comparing import compare_finished
from tests.test_evaluation.small_predictions import ABOUT, photograph

from .made_up import CONFIG


@pytest.fixture
def three(study):
    """A study of three entries; the folder is there."""
    three = study(entries=[dict(name=name, config=CONFIG) for name in 'abc'])
    os.makedirs(three.work_dir)
    return three


def finish(entry, skill=1.0, protocol=None):
    """Lay down what a run leaves, of three photographs; more skill, better scores."""
    (run,) = entry.runs
    os.makedirs(run.training_folder)
    write_json(
        os.path.join(run.training_folder, 'training.json'),
        dict(iterations=10, seconds=5.0),
    )
    scores = [photograph(seed, skill) for seed in range(3)]
    write_results(
        run.results_file,
        scores,
        [f'images/train/{i}.jpg' for i in range(3)],
        [f'labels/train/{i}.png' for i in range(3)],
        summarise(scores, with_intervals=False),
        protocol or Protocol(),
        **ABOUT,
    )


def table(study):
    write_table(study)
    return Path(study.work_dir, 'table.md').read_text()


def test_nothing_to_compare_yet(three):
    finish(three.entries[0])
    compare_finished(three)
    assert 'minus' not in table(three)


def test_differences_from_the_first_entry(three):
    first, second, _ = three.entries
    finish(first)
    finish(second, skill=2.0)
    compare_finished(three)
    _, differences = table(three).split('\n\n')[:2]
    head, _, *rows = differences.splitlines()
    assert head.startswith('| minus a | seed | AUPR EX |')
    a, b = (read_results(entry.results_file(0)) for entry in (first, second))
    expected = compare(*a, *b)
    assert expected['AUPR']['mean']['low'] > 0
    cells = [
        f'{one["b"] - one["a"]:+.3f} ({one["low"]:+.3f} to {one["high"]:+.3f})'
        for one in [*expected['AUPR'].values(), expected['Dice']['mean']]
    ]
    assert rows == [f'| b | 0 | {" | ".join(cells)} |']


def test_a_comparison_is_made_once(three, monkeypatch):
    for entry in three.entries[:2]:
        finish(entry)
    compare_finished(three)
    monkeypatch.setattr(comparing, '_compare', None)
    compare_finished(three)


def test_a_comparison_with_what_was_first_before(three, study):
    for entry, skill in zip(three.entries, (1.0, 2.0, 1.5)):
        finish(entry, skill)
    compare_finished(three)
    assert '| c | 0 | +' in table(three)
    reordered = study(entries=[dict(name=name, config=CONFIG) for name in 'bac'])
    assert 'minus' not in table(reordered)
    compare_finished(reordered)
    assert 'minus b' in table(reordered)
    assert '| c | 0 | -' in table(reordered)


def test_a_comparison_with_a_test_that_is_gone(three):
    for entry in three.entries[:2]:
        finish(entry)
    compare_finished(three)
    os.remove(three.entries[0].results_file(0))
    assert 'minus' not in table(three)


def test_tests_that_mean_different_things(three):
    finish(three.entries[0])
    finish(three.entries[2], protocol=Protocol(region='fov'))
    compare_finished(three)
    text = table(three)
    assert '| c | 0 |' + ' - |' * 6 in text
    assert '- c, seed 0, is not compared: ' in text
    assert 'protocol has region fov' in text
