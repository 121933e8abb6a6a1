"""``hacdr train`` that is disturbed: a script, and what it trains on.

``DisturbHook.at`` says where: 'train-5' is in the middle of iteration 5, 'evaluate-4'
after the evaluation of iteration 4 and before what follows it; ``how`` says what then
happens: 'kill', 'term' (a SIGTERM to all processes of the training), 'full' (files
cannot become larger than a log), or the name of a folder whose files are then cut
off.
"""

import os
import resource
import signal
from pathlib import Path

import hacdr_cli

import numpy as np
from mmcv.runner import HOOKS, Hook
from PIL import Image

# Bytes: more than a log, less than a checkpoint.
LARGEST = 200_000
SCRIPT = 'tests/test_engine/disturbed_training.py'
ROOT = Path(__file__).parents[2]
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
    dict(type='DisturbHook', priority='LOW'),
    dict(type='EvalHistoryHook', priority='LOW'),
]
lr_config = dict(warmup_iters=3)
runner = dict(max_iters=8)
checkpoint_config = dict(interval=2, max_keep_ckpts=2)
evaluation = dict(interval=2, metric=['mAUPR', 'mDice'])
log_level = 'ERROR'
"""


def write_config(path, data):
    """Write the config of a training of eight iterations on data of write_data."""
    demo = str(ROOT / 'configs' / 'hacdr_demo.py')
    path.write_text(CONFIG.format(demo=demo, root=str(data)))


def write_data(root):
    """Write five photographs of noise and their label maps."""
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


@HOOKS.register_module()
class DisturbHook(Hook):
    """Disturbs the training; has the priority 'LOW', behind the evaluation."""

    def __init__(self, at='nothing-0', how='kill'):
        self.what, number = at.split('-')
        self.number = int(number)
        self.how = how

    def before_train_iter(self, runner):
        if self.what == 'train' and runner.iter + 1 == self.number:
            self.disturb()

    def after_train_iter(self, runner):
        if self.what == 'evaluate' and runner.iter + 1 == self.number:
            self.disturb()

    def disturb(self):
        if self.how == 'kill':
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.how == 'term':
            os.killpg(os.getpgrp(), signal.SIGTERM)
        elif self.how == 'full':
            resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, resource.RLIM_INFINITY))
        else:
            for path in Path(self.how).iterdir():
                path.write_bytes(path.read_bytes()[:100])


if __name__ == '__main__':
    os.setpgrp()
    hacdr_cli.main('train')
