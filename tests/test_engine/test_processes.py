"""Several processes on CPUs do what one does."""

import json
import multiprocessing
import socket

import pytest
from mmcv import Config

from hacdr.engine.checkpoint_files import find_damage
from hacdr.engine.processes import join_processes, set_up_workers
from hacdr.engine.stopping import EXIT_SAVED
from hacdr.errors import InputError

from .disturbed_training import write_config

SCRIPT = 'tests/test_engine/one_of_several.py'
# What draws or looks at the samples of its own process only is left out.
CONFIG = """
_base_ = {base!r}
model = dict(
    backbone=dict(drop_rate=0.0, drop_path_rate=0.0),
    decode_head=dict(
        dropout_ratio=0.0,
        loss_decode=[
            dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 4.0]),
            {{{{_base_.dice}}}},
        ],
    ),
)
runner = dict(max_iters=2)
checkpoint_config = dict(interval=5)
evaluation = dict(interval=2, save_best='mAUPR', rule='greater')
custom_hooks = [
    dict(type='IterEMAHook', decay=0.5, priority='ABOVE_NORMAL'),
    dict(type='RecordHook'),
    dict(type='EvalHistoryHook', priority='LOW'),
]
"""


def in_processes(ranks, *command):
    """Return the commands of a job of some processes."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    return [(SCRIPT, rank, ranks, port, *command) for rank in range(ranks)]


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path, disturbed_data, run_together):
    base, config = tmp_path / 'tiny.py', tmp_path / 'config.py'
    write_config(base, disturbed_data)
    config.write_text(CONFIG.format(base=base.name))

    def train(ranks, batch):
        return in_processes(
            ranks,
            *('train', config, '--work-dir', tmp_path / f'{ranks}', '--seed', 3),
            *('--cfg-options', f'data.samples_per_gpu={batch}'),
        )

    one, *two = run_together(*train(1, 2), *train(2, 1))
    assert one.returncode == 0, one.stderr
    # The signal came to one of them.
    for result in two:
        assert result.returncode == EXIT_SAVED, result.stderr
    checkpoint = tmp_path / '2' / 'latest.pth'
    assert checkpoint.resolve().name == 'iter_2.pth'
    assert find_damage(checkpoint) is None
    losses = [
        json.loads((tmp_path / ranks / 'losses.json').read_text()) for ranks in '12'
    ]
    assert len(losses[0]) == len(losses[1]) == 2
    for one, two in zip(*losses):
        assert one == pytest.approx(two, abs=1e-5)
        assert one['decode.loss_dice'] > 0
    # One evaluation, written by one process, and one best checkpoint.
    scores = [
        [json.loads(line) for line in (tmp_path / ranks / 'scores.jsonl').open()]
        for ranks in '12'
    ]
    assert len(scores[0]) == len(scores[1]) == 1
    assert scores[0][0]['mAUPR'] == pytest.approx(scores[1][0]['mAUPR'], abs=1e-3)
    assert len(list((tmp_path / '2').glob('best_mAUPR_*.pth'))) == 1

    # Five photographs: one of the two processes has one twice.
    found = {}

    def test(ranks):
        found[ranks] = tmp_path / f'test{ranks}'
        command = ('test', config, checkpoint, '--eval', 'mAUPR', 'mDice')
        return in_processes(ranks, *command, '--work-dir', found[ranks])

    for result in run_together(*test(1), *test(2)):
        assert result.returncode == 0, result.stderr
    one, two = ((found[ranks] / 'results.json').read_bytes() for ranks in (1, 2))
    assert one == two
    assert len(json.loads(one)['photographs']) == 5


def test_a_launcher_that_did_not_start_it(monkeypatch):
    monkeypatch.delenv('SLURM_PROCID', raising=False)
    with pytest.raises(InputError, match='--launcher slurm: SLURM_PROCID is not in'):
        join_processes('slurm', {})


@pytest.mark.parametrize(
    ('named', 'method'), [({}, 'fork'), ({'mp_start_method': 'spawn'}, 'spawn')]
)
def test_how_workers_begin(named, method):
    before = multiprocessing.get_start_method()
    # As Python 3.14 has it.
    multiprocessing.set_start_method('forkserver', force=True)
    try:
        told = []
        for workers in (0, 999):
            data = dict(workers_per_gpu=workers)
            set_up_workers(Config(dict(data=data, **named)), told.append)
        assert multiprocessing.get_start_method() == method
        (line,) = told
        assert line.startswith('data.workers_per_gpu is 999, this machine has ')
    finally:
        multiprocessing.set_start_method(before, force=True)
