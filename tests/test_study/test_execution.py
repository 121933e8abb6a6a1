"""With tools that only pretend; the real ones: tests/test_tools/test_run_study.py."""

import fcntl
import json

import pytest
from made_up import CONFIG, summary

from hacdr.errors import InputError
from hacdr.study import execute

# Each tool notes that it was called, on which device.
NOTE = """
import json, os, sys
work = os.environ['STUDY_NOTES']
with open(work, 'a') as file:
    file.write(json.dumps([
        os.path.basename(sys.argv[0]), os.environ.get('CUDA_VISIBLE_DEVICES'), sys.argv
    ]) + '\\n')
option = dict(zip(sys.argv, sys.argv[1:]))
"""
TRAIN = """
os.makedirs(option['--work-dir'], exist_ok=True)
if os.path.exists(work + '.fail') and option['--seed'] == '1':
    sys.exit('no memory left')
with open(os.path.join(option['--work-dir'], 'training.json'), 'w') as file:
    json.dump(dict(iterations=10, seconds=20.0), file)
"""
TEST = f"""
with open(os.path.join(option['--work-dir'], 'results_val.json'), 'w') as file:
    json.dump(dict(summary={summary(0.5)!r}), file)
"""
COST = """
with open(option['--json'], 'w') as file:
    json.dump(dict(parameters=1, multiply_adds=2, seconds_per_photograph=1.0,
                   training_bytes=1), file)
"""


@pytest.fixture
def tools(tmp_path, monkeypatch, made_up_results):
    folder = tmp_path / 'tools'
    folder.mkdir()
    for name, text in (('train', TRAIN), ('test', TEST), ('model_cost', COST)):
        (folder / f'{name}.py').write_text(NOTE + text)
    monkeypatch.setenv('STUDY_NOTES', str(tmp_path / 'notes'))
    return str(folder)


def calls(tmp_path):
    path = tmp_path / 'notes'
    lines = path.read_text().splitlines() if path.exists() else []
    path.write_text('')
    return [json.loads(line) for line in lines]


def test_steps_in_order_and_only_what_is_left(tmp_path, study, tools):
    two = study(seeds=[0, 1])
    execute(two, tools)
    names = [name for name, *_ in calls(tmp_path)]
    assert names == ['train.py', 'test.py', 'model_cost.py', 'train.py', 'test.py']
    assert '| a | 2 of 2 | 0.500 ± 0.000 |' in (tmp_path / 'work/table.md').read_text()

    execute(two, tools)
    assert calls(tmp_path) == []

    # Killed after the second training: all but its test is there.
    (tmp_path / 'work/a/seed1/results_val.json').unlink()
    execute(study(seeds=[0, 1, 2]), tools)
    done = [(name, argv[-1]) for name, _, argv in calls(tmp_path)]
    assert [name for name, _ in done] == ['test.py', 'train.py', 'test.py']


def test_training_resumes_and_its_last_checkpoint_is_tested(tmp_path, study, tools):
    execute(study(seeds=[7]), tools)
    (_, _, train), (_, _, test), _ = calls(tmp_path)
    folder = str(tmp_path / 'work/a/seed7')
    assert train[1:] == [
        f'{folder}/config.py',
        *('--work-dir', f'{folder}/training', '--seed', '7', '--auto-resume'),
    ]
    assert test[1:] == [
        f'{folder}/config.py',
        f'{folder}/training/latest.pth',
        *('--split', 'val', '--work-dir', folder, '--eval', 'mAUPR', 'mDice'),
    ]


def test_devices(tmp_path, study, tools):
    execute(study(seeds=[0, 1, 2, 3]), tools, ['0', '1'])
    devices = {}
    for name, device, argv in calls(tmp_path):
        if name != 'model_cost.py':
            devices.setdefault(argv[1], set()).add(device)
    assert len(devices) == 4
    assert all(len(used) == 1 for used in devices.values())
    assert set.union(*devices.values()) == {'0', '1'}


def test_a_failure_is_told_and_stops_nothing_else(tmp_path, study, tools):
    three = study(seeds=[0, 1, 2])
    (tmp_path / 'notes.fail').touch()
    with pytest.raises(InputError) as caught:
        execute(three, tools)
    message = str(caught.value)
    assert message.startswith('1 of 3 runs failed: a, seed 1: training ended with exit')
    assert message.endswith('training.log: no memory left')
    assert '| a | 2 of 3 |' in (tmp_path / 'work/table.md').read_text()
    (tmp_path / 'notes.fail').unlink()
    calls(tmp_path)
    execute(three, tools)
    assert [name for name, *_ in calls(tmp_path)] == ['train.py', 'test.py']


def test_runs_of_other_settings_are_not_mixed(tmp_path, study, tools):
    execute(study(iterations=5), tools)
    with pytest.raises(InputError, match='holds a run of other settings'):
        execute(study(iterations=6), tools)
    entries = [dict(name='a', config=CONFIG), dict(name='b', config=CONFIG)]
    execute(study(iterations=5, entries=entries), tools)
    assert [argv[1] for name, _, argv in calls(tmp_path) if name == 'train.py'] == [
        str(tmp_path / f'work/{name}/seed0/config.py') for name in 'ab'
    ]


def test_one_study_at_a_time(tmp_path, study, tools):
    one = study()
    (tmp_path / 'work').mkdir()
    with open(tmp_path / 'work' / '.lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match='another study is running'):
            execute(one, tools)
    execute(one, tools)
