"""With commands that only pretend; real ones: test_commands/test_study_command.py."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from hacdr.errors import InputError
from hacdr.study import execution, table
from tests.processes import locked_by_another

from .made_up import CONFIG, LESIONS, summary

# Notes that it was called, on which device, and does as if.
HACDR = f"""
import json, os, sys
name, *arguments = sys.argv[1:]
notes = os.environ['STUDY_NOTES']
with open(notes, 'a') as file:
    device = os.environ.get('CUDA_VISIBLE_DEVICES')
    file.write(json.dumps([name, device, arguments]) + '\\n')
option = dict(zip(arguments, arguments[1:]))
if name == 'train':
    os.makedirs(option['--work-dir'], exist_ok=True)
    if os.path.exists(notes + '.fail') and option['--seed'] == '1':
        sys.exit('no memory left')
    result = os.path.join(option['--work-dir'], 'training.json')
    content = dict(iterations=10, seconds=20.0)
elif name == 'test':
    result = os.path.join(option['--work-dir'], 'results_val.json')
    content = dict(lesions={LESIONS!r}, summary={summary(0.5)!r})
else:
    result = option['--json']
    content = dict(
        parameters=1, multiply_adds=2, seconds_per_photograph=1.0, training_bytes=1
    )
with open(result + '.tmp', 'w') as file:
    json.dump(content, file)
os.replace(result + '.tmp', result)
"""


@pytest.fixture
def execute(tmp_path, monkeypatch, made_up_results):
    # As after every run; test_study_table.py draws them.
    monkeypatch.setattr(table, '_draw_curves', lambda study, path: Path(path).touch())
    script = tmp_path / 'hacdr.py'
    script.write_text(HACDR)
    monkeypatch.setenv('STUDY_NOTES', str(tmp_path / 'notes'))

    def call(study, *devices):
        execution.execute(study, devices or (None,), [sys.executable, str(script)])

    return call


def calls(tmp_path):
    path = tmp_path / 'notes'
    lines = path.read_text().splitlines() if path.exists() else []
    path.write_text('')
    return [json.loads(line) for line in lines]


def test_steps_in_order_and_only_what_is_left(tmp_path, study, execute):
    two = study(seeds=[0, 1])
    execute(two)
    names = [name for name, *_ in calls(tmp_path)]
    assert names == ['train', 'test', 'cost', 'train', 'test']
    assert '| a | 2 of 2 | 0.500 ± 0.000 |' in (tmp_path / 'work/table.md').read_text()

    execute(two)
    assert calls(tmp_path) == []

    # Killed after the second training: all but its test is there.
    (tmp_path / 'work/a/seed1/results_val.json').unlink()
    execute(study(seeds=[0, 1, 2]))
    assert [name for name, *_ in calls(tmp_path)] == ['test', 'train', 'test']


def test_training_resumes_and_its_last_checkpoint_is_tested(tmp_path, study, execute):
    execute(study(seeds=[7]))
    (_, _, train), (_, _, test), _ = calls(tmp_path)
    folder = str(tmp_path / 'work/a/seed7')
    assert train == [
        f'{folder}/config.py',
        *('--work-dir', f'{folder}/training', '--seed', '7', '--auto-resume'),
    ]
    assert test == [
        f'{folder}/config.py',
        f'{folder}/training/latest.pth',
        *('--split', 'val', '--work-dir', folder, '--eval', 'mAUPR', 'mDice'),
    ]


def test_devices(tmp_path, study, execute):
    execute(study(seeds=[0, 1, 2, 3]), '0', '1')
    devices = {}
    for name, device, arguments in calls(tmp_path):
        if name != 'cost':
            devices.setdefault(arguments[0], set()).add(device)
    assert len(devices) == 4
    assert all(len(used) == 1 for used in devices.values())
    assert set.union(*devices.values()) == {'0', '1'}


def test_a_failure_is_told_and_stops_nothing_else(tmp_path, study, execute):
    three = study(seeds=[0, 1, 2])
    (tmp_path / 'notes.fail').touch()
    with pytest.raises(InputError) as caught:
        execute(three)
    message = str(caught.value)
    assert message.startswith('1 of 3 runs failed: a, seed 1: training ended with exit')
    assert message.endswith('training.log: no memory left')
    assert '| a | 2 of 3 |' in (tmp_path / 'work/table.md').read_text()
    (tmp_path / 'notes.fail').unlink()
    calls(tmp_path)
    execute(three)
    assert [name for name, *_ in calls(tmp_path)] == ['train', 'test']


def test_runs_of_other_settings_are_not_mixed(tmp_path, study, execute):
    execute(study(iterations=5))
    with pytest.raises(InputError, match='holds a run of other settings'):
        execute(study(iterations=6))
    entries = [dict(name='a', config=CONFIG), dict(name='b', config=CONFIG)]
    execute(study(iterations=5, entries=entries))
    assert [
        arguments[0] for name, _, arguments in calls(tmp_path) if name == 'train'
    ] == [str(tmp_path / f'work/{name}/seed0/config.py') for name in 'ab']


def test_one_study_at_a_time(tmp_path, study, execute):
    one = study()
    (tmp_path / 'work').mkdir()
    busy = pytest.raises(InputError, match='another run is at work in it')
    with locked_by_another(tmp_path / 'work' / '.lock'), busy:
        execute(one)
    execute(one)


def test_what_is_written_after_a_run_and_in_which_order(monkeypatch, study):
    steps = []
    for name in ('pool_finished', 'compare_finished', 'write_table'):
        monkeypatch.setattr(execution, name, lambda _, name=name: steps.append(name))
    execution._write_outcome(study())
    assert steps == ['pool_finished', 'compare_finished', 'write_table']


def test_what_was_made_of_a_deleted_run_goes_with_it(tmp_path, study, execute):
    entries = [dict(name='a', config=CONFIG)]
    execute(study(entries=entries))
    cost = tmp_path / 'work' / 'a' / 'cost.json'
    made = cost.stat().st_mtime_ns
    shutil.rmtree(tmp_path / 'work' / 'a' / 'seed0')
    execute(study(entries=entries, iterations=7))
    assert cost.stat().st_mtime_ns > made
    assert [name for name, *_ in calls(tmp_path)] == 2 * ['train', 'test', 'cost']


def test_pooled_scores_of_deleted_folds_go_with_them(tmp_path, study):
    pooled = study(folds=3).entries[0].results_file(0)
    os.makedirs(os.path.dirname(pooled))
    Path(pooled).write_text('of another network')
    first, *_ = study(folds=3).runs
    execution._write_config(first)
    assert not os.path.exists(pooled)
