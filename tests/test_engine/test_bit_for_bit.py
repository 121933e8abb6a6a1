"""A training that is killed and resumed ends as one that nothing disturbed."""

import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hacdr.engine.draws import NumberedSampler

ROOT = Path(__file__).parents[2]
SCRIPT = 'tests/test_engine/killed_training.py'
CONFIG = """
_base_ = {demo!r}
model = dict(
    backbone=dict(
        embed_dims=[8] * 4, depths=[1] * 4, drop_rate=0.1, drop_path_rate=0.3
    ),
    decode_head=dict(in_channels=[8] * 4, channels=8),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='LesionCrop', crop_size=(64, 64)),
    dict(type='PhotoMetricDistortion'),
    dict(type='LocalContrastNormalize', sigma=10),
    dict(type='RandomQuarterTurn'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomGainOffset'),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_semantic_seg']),
]
one = dict(img_dir='images', ann_dir='labels', split=None, data_root={root!r})
data = dict(
    samples_per_gpu=2,
    train=dict(times=1, dataset=dict(pipeline=train_pipeline, **one)),
    val=one,
    test=one,
)
custom_hooks = [
    dict(type='IterEMAHook', decay=0.5, priority='ABOVE_NORMAL'),
    dict(type='KillHook', priority='LOW'),
    dict(type='EvalHistoryHook', priority='LOW'),
]
lr_config = dict(warmup_iters=3)
runner = dict(max_iters=8)
checkpoint_config = dict(interval=2, max_keep_ckpts=2)
evaluation = dict(interval=2, metric=['mAUPR', 'mDice'])
log_level = 'ERROR'
"""
# Workers at the beginning, where it is killed, workers after that.
TRAININGS = {
    'undisturbed': (0, 'nothing-0', None),
    # The passes over five photographs end within the third, fifth and eighth batch.
    'in a pass': (4, 'train-6', 1),
    'at an evaluation': (1, 'evaluate-4', 0),
}


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    for folder in ('images', 'labels'):
        (root / folder).mkdir()
    for i in range(5):
        photograph = rng.integers(0, 200, (96, 128, 3), dtype=np.uint8)
        label = np.zeros((96, 128), np.uint8)
        for value in (1, 2, 3, 4):
            label[10 * value : 10 * value + 8, 20 + i : 90] = value
        photograph[label > 0] += 40
        Image.fromarray(photograph).save(root / 'images' / f'{i}.jpg')
        Image.fromarray(label).save(root / 'labels' / f'{i}.png')
    return root


@pytest.mark.slow
def test_killed_and_resumed_with_other_workers(tmp_path, data, run_together):
    config = tmp_path / 'tiny.py'
    demo = str(ROOT / 'configs' / 'hacdr_demo.py')
    config.write_text(CONFIG.format(demo=demo, root=str(data)))

    def command(name, workers, *options):
        return [
            *(SCRIPT, config, '--work-dir', tmp_path / name, '--auto-resume'),
            *('--seed', '3', '--cfg-options', f'data.workers_per_gpu={workers}'),
            *options,
        ]

    results = run_together(
        *(
            command(name, workers, f'custom_hooks.KillHook.at={kill}')
            for name, (workers, kill, _) in TRAININGS.items()
        )
    )
    left = {'nothing-0': ['iter_6', 'iter_8'], 'evaluate-4': ['iter_2']}
    left['train-6'] = ['iter_2', 'iter_4']
    for result, (name, (_, kill, _)) in zip(results, TRAININGS.items()):
        expected = 0 if kill == 'nothing-0' else -signal.SIGKILL
        assert result.returncode == expected, result.stderr
        files = sorted(path.stem for path in (tmp_path / name).glob('iter_*.pth'))
        assert files == left[kill]
    results = run_together(
        *(
            command(name, workers)
            for name, (_, _, workers) in TRAININGS.items()
            if workers is not None
        )
    )
    for result in results:
        assert result.returncode == 0, result.stderr

    ends = {name: read_end(tmp_path / name) for name in TRAININGS}
    whole = ends.pop('undisturbed')
    assert len(whole['checkpoints']) == 4
    assert len(whole['scores'].splitlines()) == 4
    for name, end in ends.items():
        assert end['scores'] == whole['scores'], name
        assert end['checkpoints'] == whole['checkpoints'], name


def read_end(folder):
    """Return what a training left, comparable."""
    return dict(
        scores=(folder / 'scores.jsonl').read_text(),
        checkpoints={
            path.name: comparable(torch.load(path, weights_only=False), str(folder))
            for path in sorted(folder.glob('*.pth'))
        },
    )


def comparable(part, folder):
    """Return a checkpoint in which nothing is left of when and where it was written."""
    if isinstance(part, torch.Tensor):
        return part.dtype, tuple(part.shape), part.numpy().tobytes()
    if isinstance(part, dict):
        # mmcv notes the last checkpoint once it is written: the next one holds it.
        changing = ('time', 'config', 'exp_name', 'last_ckpt')
        return {
            key: comparable(value, folder)
            for key, value in part.items()
            if key not in changing
        }
    if isinstance(part, (list, tuple)):
        return [comparable(value, folder) for value in part]
    return part.replace(folder, '') if isinstance(part, str) else part


# --- the order of the samples -----------------------------------------------------


def take(sampler, batches):
    samples = iter(sampler)
    return [next(samples) for _ in range(batches * sampler.batch)]


def test_a_sampler_goes_on_anywhere():
    whole = take(NumberedSampler(7, 3, 0, True, 0), 10)
    assert [number for number, _ in whole] == list(range(30))
    for iteration in range(10):
        part = take(NumberedSampler(7, 3, 0, True, iteration), 10 - iteration)
        assert part == whole[3 * iteration :]


def test_each_pass_goes_once_through_the_data_in_an_order_of_its_own():
    order = [index for _, index in take(NumberedSampler(7, 2, 0, True, 0), 7)]
    assert sorted(order[:7]) == sorted(order[7:]) == list(range(7))
    assert order[:7] != order[7:]
    other = [index for _, index in take(NumberedSampler(7, 2, 1, True, 0), 7)]
    assert other != order
    in_order = take(NumberedSampler(3, 2, 0, False, 0), 3)
    assert [index for _, index in in_order] == [0, 1, 2, 0, 1, 2]


def test_two_processes_share_the_batches_of_one():
    whole = take(NumberedSampler(7, 4, 0, True, 2), 5)
    halves = [take(NumberedSampler(7, 2, 0, True, 2, rank, 2), 5) for rank in (0, 1)]
    joined = []
    for k in range(5):
        joined += halves[0][2 * k : 2 * k + 2] + halves[1][2 * k : 2 * k + 2]
    assert joined == whole
