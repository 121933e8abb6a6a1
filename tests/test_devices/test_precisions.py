"""A network trains, evaluates, tests and predicts alike on every device.

In float32, in bfloat16, and as mmseg's users know half precision: ``fp16=dict()`` and
``optimizer_config=dict(type='Fp16OptimizerHook', ...)``.
"""

import numpy as np
import pytest
import torch
from mmseg.datasets import build_dataset

from hacdr.apis import init_model
from hacdr.inference.prediction import choose_classes
from hacdr.inference.torch_network import segment
from hacdr.models import fuse_for_inference

from . import tiny_network as tiny

# Largest error of a probability, and share of a loss. Half keeps three digits,
# bfloat16 keeps two.
PROBABILITY = {'float32': 1e-4, 'bfloat16': 0.1, 'fp16': 0.1}
LOSS = {'float32': 1e-4, 'bfloat16': 0.03, 'fp16': 0.03}


def losses_and_gradients(folder, precision, device):
    cfg = tiny.configure(folder, precision)
    model = tiny.build(cfg, folder, device).train()
    data = tiny.batch(cfg, device)
    losses = model(**data)
    # Scaled as by mmcv's hook: half precision has no room for small gradients.
    (model._parse_losses(losses)[0] * 1024).backward()
    gradients = {name: p.grad.cpu() / 1024 for name, p in model.named_parameters()}
    return losses, gradients


def test_losses_and_gradients(folder, device, precision):
    expected, expected_gradients = losses_and_gradients(folder, 'float32', device)
    losses, gradients = losses_and_gradients(folder, precision, device)
    assert set(losses) == set(expected)
    for name, loss in losses.items():
        assert loss.dtype == torch.float32, name
        # The accuracy is a percentage.
        tolerance = dict(abs=1) if 'acc' in name else dict(rel=LOSS[precision])
        wanted = expected[name].item()
        assert loss.item() == pytest.approx(wanted, **tolerance), name
    ours, theirs = (
        torch.cat([g[name].flatten() for name in expected_gradients])
        for g in (gradients, expected_gradients)
    )
    assert ours.dtype == torch.float32
    assert ours.isfinite().all()
    assert torch.cosine_similarity(ours, theirs, 0) > 0.95


def test_training_evaluates_leaves_a_checkpoint_and_is_resumed(
    folder, device, precision, tmp_path
):
    runner = tiny.train(tiny.configure(folder, precision), tmp_path, device)
    assert len(runner.seen['losses']) == 2
    for loss in runner.seen['losses']:
        assert loss.dtype == torch.float32
        assert loss.isfinite()
    (figures,) = runner.seen['figures']
    assert 0 <= figures['mAUPR'] <= 1
    parameter = next(runner.model.parameters())
    assert parameter.device.type == device
    path = str(tmp_path / 'iter_2.pth')
    checkpoint = torch.load(path, map_location='cpu')
    for name, tensor in checkpoint['state_dict'].items():
        if tensor.is_floating_point():
            assert tensor.dtype == torch.float32, name
            assert tensor.isfinite().all(), name

    options = {'runner.max_iters': 4, 'resume_from': path}
    cfg = tiny.configure(folder, precision, **options)
    runner = tiny.train(cfg, tmp_path, device)
    assert runner.iter == 4
    assert len(runner.seen['losses']) == 2
    assert all(loss.isfinite() for loss in runner.seen['losses'])
    assert all(p.device.type == device for p in runner.model.parameters())
    # The loss scale of mmcv's fp16; empty where its scaler is off, without a GPU.
    scaler = checkpoint['meta'].get('fp16', {}).get('loss_scaler')
    assert runner.seen['scaler'] == scaler


@pytest.fixture(scope='module')
def results_in_float32(folder):
    """Return the probabilities of a test in float32, computed once for each."""
    known = {}

    def test(device, options):
        key = device, str(options)
        if key not in known:
            cfg = tiny.configure(folder, 'float32', **options)
            known[key] = tiny.run_test(cfg, folder, device)[0]
        return known[key]

    return test


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'model.test_cfg.flips': True},
        {
            'model.test_cfg.mode': 'slide',
            'model.test_cfg.crop_size': (64, 64),
            'model.test_cfg.stride': (48, 48),
        },
    ],
    ids=['whole', 'flips', 'slide'],
)
def test_testing(folder, device, precision, options, results_in_float32):
    expected = results_in_float32(device, options)
    cfg = tiny.configure(folder, precision, **options)
    results, figures = tiny.run_test(cfg, folder, device)
    assert len(results) == 2
    for actual, wanted in zip(results, expected):
        assert actual.dtype == np.float32
        assert np.abs(actual - wanted).max() < PROBABILITY[precision]
    assert 0 < figures['mAUPR'] <= 1


@pytest.mark.parametrize('fuse', [False, True], ids=['plain', 'fused'])
def test_prediction(folder, device, precision, fuse, monkeypatch):
    """Against the plain network in float32 on the CPU, by plain tensor operations."""
    config, weights = str(folder / 'tiny.py'), str(folder / 'tiny.pth')
    path = folder / 'data' / 'images' / '0.jpg'
    with monkeypatch.context() as patch:
        patch.setenv('HACDR_MDCONV', 'torch')
        reference = init_model(config, weights, 'cpu')
        expected = segment(reference, path)
    options = tiny.PRECISIONS[precision]
    device = 'cuda:0' if device == 'cuda' else device
    model = init_model(config, weights, device, options)
    actual = segment(fuse_for_inference(model) if fuse else model, path)
    assert actual.dtype == np.float32
    assert actual.shape == (5, *tiny.SIZE[::-1])
    assert np.abs(actual - expected).max() < PROBABILITY[precision]
    labels = [choose_classes(each) for each in (actual, expected)]
    assert (labels[0] == labels[1]).mean() > 0.97


def test_low_precision_is_low(folder, device, precision):
    """What the other tests would not notice: that nothing was computed in it."""
    cfg = tiny.configure(folder, precision)
    model = tiny.build(cfg, folder, device).eval()
    seen = []
    model.backbone.stages[0].embed.conv1.register_forward_hook(
        lambda module, inputs, out: seen.append(out.dtype)
    )
    dataset = build_dataset(cfg.data.test, dict(test_mode=True))
    sample = dataset[0]
    with torch.no_grad():
        model(
            img=[sample['img'][0][None].to(device)],
            img_metas=[[sample['img_metas'][0].data]],
            return_loss=False,
        )
    low = {'float32': torch.float32, 'bfloat16': torch.bfloat16}
    if precision in low:
        assert seen == [low[precision]]
    elif device == 'cuda':
        assert seen == [torch.float16]
