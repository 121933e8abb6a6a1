"""Every config that is shipped: the network trains and predicts; fair baselines."""

import copy
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmseg.datasets.pipelines import Compose
from mmseg.models import build_segmentor
from mmseg.models.builder import build_loss

from hacdr.apis import check_config, load_config
from hacdr.datasets.classes import unwrap_dataset
from hacdr.lesions import LESIONS as LESION_NAMES
from hacdr.study import read_study

CONFIGS = Path(__file__).parents[2] / 'configs'
PATHS = sorted([*CONFIGS.glob('*.py'), *CONFIGS.glob('baselines/*.py')])
RECIPE = CONFIGS / 'baselines' / 'recipe.py'
BASELINES = sorted(set(RECIPE.parent.glob('*.py')) - {RECIPE})
LESIONS = 5
GEOMETRIC = 'RandomFlip', 'RandomQuarterTurn'


def build(path):
    cfg = load_config(str(path))
    torch.manual_seed(0)
    model = build_segmentor(cfg.model)
    model.init_weights()
    return model


def meta(height, width):
    shape = (height, width, 3)
    return dict(ori_shape=shape, img_shape=shape, pad_shape=shape, flip=False)


@pytest.mark.parametrize('path', PATHS, ids=lambda p: p.stem)
def test_trains_and_predicts(path):
    check_config(load_config(str(path)))
    model = build(path).train()
    picture = torch.randn(2, 3, 64, 64)
    label = torch.randint(0, LESIONS, (2, 1, 64, 64))
    label[:, :, :8] = 255
    losses = model.forward_train(picture, [meta(64, 64)] * 2, label)
    loss, logged = model._parse_losses(losses)
    loss.backward()
    assert torch.isfinite(loss)
    assert logged['loss'] == pytest.approx(
        sum(value for name, value in logged.items() if 'loss_' in name), rel=1e-5
    )
    assert all(p.grad.isfinite().all() for p in model.parameters())

    # As reduced photographs come: no multiple of anything.
    with torch.no_grad():
        (probabilities,) = model.eval().simple_test(
            torch.randn(1, 3, 61, 93), [meta(61, 93)]
        )
    assert probabilities.shape == (LESIONS, 61, 93)
    assert probabilities.sum(0) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize('name', ['idrid', 'ddr'])
def test_crops_of_the_training(name, tmp_path):
    labels = np.zeros((960, 1440), np.uint8)
    labels[:40, 1000:1100] = 3
    cv2.imwrite(str(tmp_path / 'a.jpg'), np.full((960, 1440, 3), 128, np.uint8))
    cv2.imwrite(str(tmp_path / 'a.png'), labels)
    cfg = load_config(str(CONFIGS / f'hacdr_{name}.py'))
    pipeline = cfg.data.train.dataset.pipeline
    pipeline[0].cache_dir = None
    sample = dict(
        img_info=dict(filename='a.jpg', ann=dict(seg_map='a.png')),
        ann_info=dict(seg_map='a.png'),
        img_prefix=str(tmp_path),
        seg_prefix=str(tmp_path),
        seg_fields=[],
    )
    for _ in range(4):
        crop = Compose(pipeline)(copy.deepcopy(sample))
        assert crop['img'].data.shape == (3, 320, 320)
        assert crop['gt_semantic_seg'].data.shape == (1, 320, 320)


@pytest.mark.parametrize('path', PATHS, ids=lambda p: p.stem)
def test_training_shows_every_orientation(path):
    """Two of a flip, eight of a flip and quarter turns."""
    data = unwrap_dataset(load_config(str(path)).data.train)
    steps = [step for step in data.pipeline if step.type in GEOMETRIC]
    np.random.seed(0)
    seen = set()
    for _ in range(200):
        sample = dict(img=np.arange(4, dtype=np.uint8).reshape(2, 2), seg_fields=[])
        seen.add(Compose(steps)(sample)['img'].tobytes())
    turns = any(step.type == 'RandomQuarterTurn' for step in steps)
    assert len(seen) == (8 if turns else 2)


def test_released_class_weights():
    theirs = dict(background=0.5, EX=0.7, MA=1.5, SE=0.7, HE=1.1)
    head = load_config(str(CONFIGS / 'hacdr_idrid_released.py')).model.decode_head
    classes = ('background', *LESION_NAMES)
    assert head.loss_decode.class_weight == [theirs[name] for name in classes]


def pull(losses, share):
    """Pull of the losses on the score of SE, everywhere ``share``: less than 0, up.

    Of four crops of 320x320 one shows soft exudates, 2500 pixels of them.
    """
    logits = torch.full((4, LESIONS, 320, 320), -20.0)
    logits[:, 0] = math.log(1 - share)
    logits[:, 3] = math.log(share)
    logits.requires_grad_()
    labels = torch.zeros(4, 320, 320, dtype=torch.long)
    labels[0].view(-1)[:2500] = 3
    sum(build_loss(loss)(logits, labels) for loss in losses).backward()
    return logits.grad[:, 3].sum()


def test_what_is_rare_is_not_unlearnt():
    cfg = load_config(str(CONFIGS / 'hacdr_idrid_cpu.py'))
    cross_entropy, dice = cfg.model.decode_head.loss_decode
    assert pull([cross_entropy], 0.005) < 0
    assert pull([cross_entropy, dice], 0.005) < 0
    # mmseg's default.
    assert pull([cross_entropy, dict(dice, smooth=1)], 0.005) > 0


@pytest.mark.parametrize('path', BASELINES, ids=lambda p: p.stem)
def test_baseline_differs_in_the_network_alone(path):
    recipe = load_config(str(RECIPE))
    baseline = load_config(str(path))
    for key in ('data', 'optimizer', 'optimizer_config', 'lr_config', 'runner'):
        assert baseline[key] == recipe[key], key
    assert baseline.evaluation == recipe.evaluation
    assert baseline.model.type == recipe.model.type
    assert baseline.model.get('auxiliary_head') is None
    own, shared = baseline.model.decode_head, recipe.model.decode_head
    assert own.loss_decode == shared.loss_decode
    assert own.init_cfg.class_prior == shared.class_prior


@pytest.mark.parametrize('path', BASELINES, ids=lambda p: p.stem)
def test_baseline_begins_at_the_class_prior(path):
    model = build(path).eval()
    shares = torch.tensor(load_config(str(path)).class_pixels, dtype=torch.float32)
    with torch.no_grad():
        first = model.decode_head.conv_seg.bias.softmax(0)
    torch.testing.assert_close(first, shares / shares.sum())


def test_averaging_joins_a_config(tmp_path):
    names = ['hacdr_idrid_released.py', '_base_/iter_ema.py']
    path = tmp_path / 'joined.py'
    path.write_text(
        f'_base_ = {[str(CONFIGS / name) for name in names]}\n'
        'model = dict(test_cfg=dict(flips=True))\n'
    )
    cfg = load_config(str(path))
    check_config(cfg)
    assert cfg.custom_hooks[0].type == 'IterEMAHook'
    assert cfg.model.test_cfg == dict(mode='whole', output='prob', flips=True)


@pytest.mark.parametrize(
    'path', sorted(CONFIGS.glob('studies/*.py')), ids=lambda p: p.stem
)
def test_studies_are_complete(path, monkeypatch, tmp_path):
    # They are found from anywhere, and so is what they name.
    monkeypatch.chdir(tmp_path)
    study = read_study(str(path))
    assert len({run.folder for run in study.runs}) == len(study.runs) > 1


@pytest.mark.parametrize('name', ['baselines', 'baselines_cpu'])
def test_the_baselines_are_all_in_the_study(name, monkeypatch):
    monkeypatch.chdir(CONFIGS.parent)
    study = read_study(f'configs/studies/{name}.py')
    names = {entry.name for entry in study.entries}
    assert names == {'hacdr'} | {path.stem for path in BASELINES}
