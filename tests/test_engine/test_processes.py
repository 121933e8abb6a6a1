"""Several processes on CPUs do what one does."""

import json
import socket

import pytest
import torch

from hacdr.engine.processes import join_processes
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
runner = dict(max_iters=3)
checkpoint_config = dict(interval=3)
evaluation = dict(interval=3, save_best='mAUPR', rule='greater')
custom_hooks = [
    dict(type='IterEMAHook', decay=0.5, priority='ABOVE_NORMAL'),
    dict(type={hook!r}),
    dict(type='EvalHistoryHook', priority='LOW'),
]
"""


@pytest.fixture
def make_config(tmp_path, disturbed_data):
    def make(hook):
        base, path = tmp_path / 'tiny.py', tmp_path / f'{hook}.py'
        write_config(base, disturbed_data)
        path.write_text(CONFIG.format(base=base.name, hook=hook))
        return path

    return make


def in_processes(ranks, *command):
    """Return the commands of a job of some processes."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    return [(SCRIPT, rank, ranks, port, *command) for rank in range(ranks)]


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path, make_config, run_together):
    config = make_config('RecordHook')

    def train(ranks, batch):
        return in_processes(
            ranks,
            *('train', config, '--work-dir', tmp_path / f'{ranks}', '--seed', 3),
            *('--cfg-options', f'data.samples_per_gpu={batch}'),
        )

    for result in run_together(*train(1, 2), *train(2, 1)):
        assert result.returncode == 0, result.stderr
    losses = [
        json.loads((tmp_path / ranks / 'losses.json').read_text()) for ranks in '12'
    ]
    assert len(losses[0]) == len(losses[1]) == 3
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
    checkpoint = tmp_path / '2' / 'latest.pth'
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


@pytest.mark.slow
def test_a_signal_to_one_process_saves_and_ends_all(
    tmp_path, make_config, run_together
):
    config = make_config('SignalHook')
    work = tmp_path / 'work'
    command = ('train', config, '--work-dir', work, '--seed', 0, '--no-validate')
    for result in run_together(*in_processes(2, *command)):
        assert result.returncode == EXIT_SAVED, result.stderr
    assert (work / 'latest.pth').resolve().name == 'iter_2.pth'
    assert torch.load(work / 'latest.pth', weights_only=False)['meta']['iter'] == 1


def test_a_launcher_that_did_not_start_it(monkeypatch):
    monkeypatch.delenv('SLURM_PROCID', raising=False)
    with pytest.raises(InputError, match='--launcher slurm: SLURM_PROCID is not in'):
        join_processes('slurm', {})
