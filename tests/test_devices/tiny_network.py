"""A tiny network, generated photographs, and the calls of mmseg's own tools."""

import time
from pathlib import Path

import numpy as np
import torch
from mmcv.cnn.utils import revert_sync_batchnorm
from mmcv.runner import HOOKS, Fp16OptimizerHook, Hook, wrap_fp16_model
from mmseg.apis import set_random_seed, single_gpu_test, train_segmentor
from mmseg.datasets import build_dataloader, build_dataset
from mmseg.utils import build_dp
from PIL import Image
from torch.nn.modules.batchnorm import _BatchNorm

from hacdr.apis import build_network, check_config, load_config, load_weights

DEMO = Path(__file__).parents[2] / 'configs' / 'hacdr_demo.py'
SIZE = (160, 128)
CONFIG = """
_base_ = {demo!r}
model = dict(
    backbone=dict(embed_dims=[8, 8, 8, 8], depths=[1, 1, 1, 1]),
    decode_head=dict(
        in_channels=[8, 8, 8, 8], channels=8, mode='adaptive', dropout_ratio=0
    ),
)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='LesionCrop', crop_size=(64, 96)),
    dict(type='LocalContrastNormalize', sigma=10),
    dict(type='RandomFlip', prob=0.5),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_semantic_seg']),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale={size},
        flip=False,
        transforms=[
            dict(type='RandomFlip'),
            dict(type='LocalContrastNormalize', sigma=10),
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img']),
        ],
    ),
]
one = dict(img_dir='images', ann_dir='labels', split=None, data_root={root!r})
data = dict(
    samples_per_gpu=2,
    train=dict(dataset=dict(pipeline=train_pipeline, **one)),
    val=dict(pipeline=test_pipeline, **one),
    test=dict(pipeline=test_pipeline, lesion_level=False, **one),
)
custom_hooks = [dict(type='IterEMAHook', decay=0.5, priority='ABOVE_NORMAL')]
checkpoint_config = dict(interval=2, max_keep_ckpts=-1)
evaluation = dict(interval=2, metric=['mAUPR', 'mDice'], save_best=None)
runner = dict(max_iters=2)
log_level = 'ERROR'
"""
FP16_HOOK = dict(type='Fp16OptimizerHook', loss_scale='dynamic')
PRECISIONS = {
    'float32': {},
    'bfloat16': {'model.train_cfg.bfloat16': True, 'model.test_cfg.bfloat16': True},
    'fp16': {'fp16': {}, 'optimizer_config': FP16_HOOK},
}


def write_data(root, photographs=2):
    """Write photographs of noise and spots, and their label maps."""
    for folder in ('images', 'labels'):
        (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(photographs):
        photograph = rng.normal((90, 60, 30), 8, (SIZE[1], SIZE[0], 3))
        label = np.zeros(photograph.shape[:2], np.uint8)
        for value in (1, 2, 3, 4) * 6:
            top, left = rng.integers((8, 8), (SIZE[1] - 24, SIZE[0] - 24))
            spot = slice(top, top + 10), slice(left, left + 12)
            label[spot] = value
            photograph[spot] += 25 * np.array((value - 2.5, 2 - value, 1))
        photograph = photograph.clip(0, 255).astype(np.uint8)
        Image.fromarray(photograph).save(root / 'images' / f'{i}.jpg', quality=95)
        Image.fromarray(label).save(root / 'labels' / f'{i}.png')


def write_config(path, root):
    """Write the config of a training on what :func:`write_data` wrote."""
    path.write_text(CONFIG.format(demo=str(DEMO), root=str(root), size=SIZE))


def write_weights(path, config):
    """Write weights of a network whose offsets and normalisations are at work."""
    model = build_network(load_config(str(config)))
    torch.manual_seed(0)
    model.init_weights()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    torch.save(dict(state_dict=model.state_dict(), meta={}), str(path))


def configure(folder, precision, **options):
    """Return the checked config of ``folder`` for a precision."""
    options = {**PRECISIONS[precision], **options}
    cfg = load_config(str(folder / 'tiny.py'), options)
    check_config(cfg)
    return cfg


def build(cfg, folder, device):
    """Build the network of ``cfg`` with the folder's weights."""
    model = build_network(cfg)
    if cfg.get('fp16') is not None:
        wrap_fp16_model(model)
    load_weights(model, str(folder / 'tiny.pth'))
    return model.to(device)


def batch(cfg, device):
    """Return the first training batch of ``cfg``: images, metas and labels."""
    set_random_seed(0)
    dataset = build_dataset(cfg.data.train)
    samples = [dataset[i] for i in range(2)]
    return dict(
        img=torch.stack([sample['img'].data for sample in samples]).to(device),
        img_metas=[sample['img_metas'].data for sample in samples],
        gt_semantic_seg=torch.stack(
            [sample['gt_semantic_seg'].data for sample in samples]
        ).to(device),
    )


@HOOKS.register_module()
class Witness(Hook):
    """Keeps the runner, and what it saw of it."""

    runners = []

    def before_run(self, runner):
        scaler = None
        for hook in runner.hooks:
            if isinstance(hook, Fp16OptimizerHook):
                scaler = hook.loss_scaler.state_dict()
        self.seen = runner.seen = dict(losses=[], figures=[], scaler=scaler)
        self.runners.append(runner)

    def after_train_iter(self, runner):
        self.seen['losses'].append(runner.outputs['loss'].detach())
        if 'eval_iter_num' in runner.log_buffer.output:
            self.seen['figures'].append(dict(runner.log_buffer.output))


def train(cfg, work_dir, device, seed=0, distributed=False):
    """Train as mmseg's train.py does; return the runner with what Witness saw."""
    cfg.work_dir, cfg.device, cfg.gpu_ids, cfg.seed = str(work_dir), device, [0], seed
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type='Witness', priority='LOW')]
    set_random_seed(seed)
    dataset = build_dataset(cfg.data.train)
    model = build_network(cfg)
    model.init_weights()
    model = revert_sync_batchnorm(model)
    model.CLASSES = dataset.CLASSES
    train_segmentor(
        model,
        [dataset],
        cfg,
        distributed=distributed,
        validate=True,
        timestamp=time.strftime('%Y%m%d_%H%M%S'),
        meta=dict(config=cfg.pretty_text),
    )
    return Witness.runners.pop()


def run_test(cfg, folder, device):
    """Test the folder's weights as mmseg's test.py does.

    Returns the probabilities of each photograph, and the figures.
    """
    dataset = build_dataset(cfg.data.test, dict(test_mode=True))
    loader = build_dataloader(
        dataset, 1, 0, dist=False, shuffle=False, persistent_workers=False
    )
    model = build_dp(build(cfg, folder, device), device, device_ids=[0])
    results = single_gpu_test(model, loader)
    return results, dataset.evaluate(results, ['mAUPR', 'mDice'])
