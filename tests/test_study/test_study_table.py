import csv
import json
import os

import matplotlib.pyplot as plt
import pytest

from hacdr.study import write_table

from .made_up import CONFIG, LESIONS, summary


@pytest.fixture
def finish(made_up_results):
    """Lay down the files of a finished run."""

    def lay(run, value, iterations=100, seconds=50.0):
        os.makedirs(run.training_folder)
        record = dict(iterations=iterations, seconds=seconds)
        for path, content in (
            (run.results_file, dict(lesions=LESIONS, summary=summary(value))),
            (os.path.join(run.training_folder, 'training.json'), record),
        ):
            with open(path, 'w') as file:
                json.dump(content, file)
        with open(os.path.join(run.training_folder, 'scores.jsonl'), 'w') as file:
            for k in (1, 2):
                line = dict(iteration=10 * k, seconds=5.0 * k, mAUPR=value * k / 3)
                file.write(json.dumps(line) + '\n')

    return lay


def cells(work):
    text = (work / 'table.md').read_text()
    rows = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in text.splitlines()
        if line.startswith('|')
    ]
    return [dict(zip(rows[0], row)) for row in rows[2:]]


def test_table(tmp_path, study, finish):
    two = study(
        entries=[dict(name='a', config=CONFIG), dict(name='b', config=CONFIG)],
        seeds=[0, 1],
        minutes=1,
    )
    finish(two.entries[0].runs[0], 0.4)
    finish(two.entries[0].runs[1], 0.6, iterations=200)
    with open(two.entries[0].cost_file, 'w') as file:
        json.dump(
            dict(
                parameters=24_562_038,
                multiply_adds=155_833_588_800,
                seconds_per_photograph=1.5,
                training_bytes=2_400_000_000,
            ),
            file,
        )
    os.makedirs(two.work_dir, exist_ok=True)
    write_table(two)
    a, b = cells(tmp_path / 'work')
    assert a['seeds'] == '2 of 2'
    assert a['AUPR EX'] == a['AUPR mean'] == '0.500 ± 0.141'
    assert a['AUPR HE'] == '-'
    assert a['Dice mean'] == '0.250 ± 0.071'
    assert a['parameters (M)'] == '24.56'
    assert a['FLOPs (G)'] == '155.8'
    assert a['iterations'] == '150 ± 71'
    assert a['s/iteration'] == '0.375 ± 0.177'
    assert a['memory (GB)'] == '2.40'
    assert b['seeds'] == '0 of 2'
    assert {b[name] for name in b if name not in ('name', 'seeds')} == {'-'}

    with open(tmp_path / 'work' / 'table.csv', newline='') as file:
        a, b = csv.DictReader(file)
    assert float(a['AUPR mean']) == pytest.approx(0.5)
    assert float(a['AUPR mean sd']) == pytest.approx(0.02**0.5)
    assert a['FLOPs (G) sd'] == ''
    assert b['AUPR mean'] == ''


def test_deviations_are_between_seeds_and_not_folds(tmp_path, study, finish):
    folds = study(entries=[dict(name='a', config=CONFIG)], folds=3)
    for run, seconds in zip(folds.entries[0].runs, (50, 60, 70)):
        finish(run, 0.4, seconds=seconds)
    os.makedirs(folds.work_dir, exist_ok=True)
    write_table(folds)
    (a,) = cells(tmp_path / 'work')[:1]
    assert a['s/iteration'] == '0.600'
    assert a['iterations'] == '100'


def test_curves_show_every_evaluation_and_the_final_test(study, finish, monkeypatch):
    two = study(seeds=[0, 1], minutes=1)
    for run in two.runs:
        finish(run, 0.6, seconds=60.0)
    drawn = []
    plot = plt.Axes.plot

    def spy(axes, *args, **kwargs):
        drawn.append(([list(arg) for arg in args], kwargs['label']))
        return plot(axes, *args, **kwargs)

    monkeypatch.setattr(plt.Axes, 'plot', spy)
    write_table(two)
    points = [[5 / 60, 10 / 60, 1.0], [pytest.approx(0.2), pytest.approx(0.4), 0.6]]
    assert drawn == [(points, 'a'), (points, '_')]
    assert plt.imread(os.path.join(two.work_dir, 'curves.png')).shape[:2] == (600, 960)


def test_processor_time_is_named(tmp_path, study, finish):
    one = study(minutes=14, clock='processor')
    finish(one.runs[0], 0.6)
    write_table(one)
    text = (tmp_path / 'work' / 'table.md').read_text()
    assert 'Tested on val, 14 processor minutes of training each.' in text


def test_nothing_done_yet(tmp_path, study, made_up_results):
    (tmp_path / 'work').mkdir()
    write_table(study())
    assert cells(tmp_path / 'work')[0]['seeds'] == '0 of 1'
    assert (tmp_path / 'work' / 'curves.png').is_file()
