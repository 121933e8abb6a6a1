"""Trainings as people begin them: on their own classes, data, disks and networks."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ..test_datasets.distributed import write_photographs

ROOT = Path(__file__).parents[2]
BASE = ROOT / 'configs' / 'hacdr_idrid_cpu.py'
# One lesion alone, on photographs and maps by hand, which lie where an option says.
ONE_LESION = f"""
_base_ = {str(BASE)!r}
names = ['background', 'EX']
part = dict(
    type='LesionDataset', img_dir='images', ann_dir='labels', img_suffix='.png',
    split=None, classes=names,
)
model = dict(decode_head=dict(
    num_classes=2, class_prior=[99, 1], loss_decode=[dict(type='CrossEntropyLoss')],
))
data = dict(
    samples_per_gpu=2, workers_per_gpu=0, persistent_workers=True,
    train=dict(times=1, dataset=part), val=part, test=part,
)
runner = dict(max_iters=2)
log_config = dict(interval=1)
evaluation = dict(interval=2)
"""
# What people put round the README's model in a project of their own.
PROJECT = """
load = [dict(type='LoadImageFromFile')]
bundle = dict(type='DefaultFormatBundle')
keys = ['img', 'gt_semantic_seg']
test = dict(type='MultiScaleFlipAug', img_scale=(32, 24), flip=False, transforms=[
    dict(type='ImageToTensor', keys=['img']), dict(type='Collect', keys=['img'])])
meta = ('filename', 'ori_shape', 'img_shape', 'pad_shape')
train = dict(
    type='CustomDataset', data_root={root!r}, img_dir='images', ann_dir='labels',
    img_suffix='.png', classes=['0', '1', '2', '3', '4'], pipeline=[
        *load, dict(type='LoadAnnotations'), bundle,
        dict(type='Collect', keys=keys, meta_keys=meta)],
)
val = dict(train, pipeline=[*load, test])
data = dict(samples_per_gpu=2, workers_per_gpu=0, persistent_workers=False,
            train=train, val=val, test=val)
optimizer = dict(type='SGD', lr=0.01)
lr_config = dict(policy='poly')
runner = dict(type='IterBasedRunner', max_iters=1)
checkpoint_config = dict(interval=1)
evaluation = dict(interval=1, metric='mIoU', pre_eval=True)
"""
# Google Drive, Azure file shares, exFAT.
NO_LINKS = """
import os, runpy, sys
def refuse(*args, **options): raise OSError(95, 'Operation not supported')
os.symlink = refuse
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.fixture
def root(tmp_path):
    write_photographs(tmp_path, 'ab', size=(64, 96))
    return tmp_path


@pytest.mark.slow
def test_they_train_and_are_scored(root, run_together, run_script):
    (root / 'nolinks.py').write_text(NO_LINKS)
    (root / 'one.py').write_text(ONE_LESION)
    readme = (ROOT / 'README.md').read_text()
    (snippet,) = re.findall(r'```python\n(.*?)```', readme, re.S)
    (root / 'project.py').write_text(snippet + PROJECT.format(root=str(root)))
    bad = root / 'bad'
    bad.mkdir()
    write_photographs(bad, 'ab', size=(64, 96))
    shutil.rmtree(bad / 'masks')
    Image.fromarray(np.full((64, 96), 5, np.uint8)).save(bad / 'labels' / 'b.png')

    parts = 'data.train.dataset', 'data.val', 'data.test'
    options = [
        f'{parts[0]}.pipeline.LoadPhotograph.cache_dir=None',
        *(f'{part}.pipeline.LoadPhotograph.img_scale=(96,64)' for part in parts),
    ]
    moved = ['--cfg-options', f'data_root={root}', *options]
    work = root / 'work'
    one, project, wrong = run_together(
        [
            *(root / 'nolinks.py', ROOT / 'tools' / 'train.py', root / 'one.py'),
            *('--work-dir', work, '--load-from'),
            ROOT / 'weights' / 'hacdr_idrid_cpu.safetensors',
            *moved,
        ],
        ['tools/train.py', root / 'project.py', '--work-dir', root / 'project'],
        [
            *('tools/train.py', root / 'one.py', '--work-dir', root / 'wrong'),
            *('--cfg-options', f'data_root={bad}', *options),
            'data.workers_per_gpu=1',
        ],
    )
    assert one.returncode == 0, one.stderr
    assert {'latest.pth', 'iter_2.pth'} <= {path.name for path in work.iterdir()}
    (log,) = work.glob('*.log')
    text = log.read_text()
    assert '; 2 not in the checkpoint or of other classes (first: decode_head.' in text
    assert len(re.findall(r'Iter \[\d/2\]', text)) == 2
    assert re.search(r'AUPR\.EX: .*mAUPR: ', text)
    checkpoint = torch.load(work / 'latest.pth', weights_only=False)
    assert checkpoint['meta']['CLASSES'] == ('background', 'EX')

    assert project.returncode == 0, project.stderr
    (log,) = (root / 'project').glob('*.log')
    assert '|  mIoU | mAcc |' in log.read_text()
    assert re.search('iteration 1: .*mIoU ', project.stderr)

    assert wrong.returncode == 2
    assert wrong.stderr.splitlines()[-1] == (
        f'error: {bad}/labels/b.png: holds the value 5, expected 0 to 4 or 255 for '
        'ignored pixels'
    )
    assert 'Traceback' not in wrong.stderr

    test = ('tools/test.py', root / 'one.py', work / 'latest.pth', '--work-dir', work)
    tested = run_script(*test, '--eval', 'mAUPR', 'mDice', *moved)
    assert tested.returncode == 0, tested.stderr
    content = json.loads((work / 'results.json').read_text())
    assert content['lesions'] == ['EX']
    assert set(content['summary']['figures']['Dice']) == {'EX', 'mean'}
