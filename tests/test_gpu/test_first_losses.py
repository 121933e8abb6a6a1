"""Training on a GPU begins as it does on the CPU."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmcv.runner import build_optimizer

from hacdr.apis import build_network, load_config

CONFIG = Path(__file__).parents[2] / 'configs' / 'hacdr_idrid.py'
STEPS = 10


def make_crops(number=2, side=128):
    """Return photographs with blobs of each lesion, and their label maps."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.randn(number, 5, side // 16, side // 16, generator=generator)
    heights = F.interpolate(coarse, size=(side, side), mode='bicubic')
    # A lesion where its height is among the greatest twentieth.
    limits = heights.flatten(2).quantile(0.95, 2)[..., None, None]
    labels = torch.zeros(number, 1, side, side, dtype=torch.long)
    for lesion in range(1, 5):
        labels[:, 0][heights[:, lesion] > limits[:, lesion]] = lesion
    colours = torch.randn(5, 3, generator=generator)
    photographs = colours[labels[:, 0]].permute(0, 3, 1, 2) + 0.3 * heights[:, :3]
    return photographs.contiguous(), labels


def first_losses(device, bfloat16=False):
    """Return the first losses of a training by the config, nothing of it random."""
    cfg = load_config(str(CONFIG))
    cfg.model.backbone.update(drop_rate=0, drop_path_rate=0)
    head = cfg.model.decode_head
    head.dropout_ratio = 0
    head.loss_decode = [loss for loss in head.loss_decode if loss.type != 'NALoss']
    cfg.model.train_cfg = dict(bfloat16=bfloat16)
    torch.manual_seed(0)
    model = build_network(cfg)
    model.init_weights()
    model = model.to(device).train()
    optimizer = build_optimizer(model, cfg.optimizer)
    rates = [group['lr'] for group in optimizer.param_groups]
    photographs, labels = (t.to(device) for t in make_crops())
    meta = dict(flip=False)
    losses = []
    for step in range(STEPS):
        # mmcv's linear warm-up begins at a tenth.
        warm = 0.1 + 0.9 * step / cfg.lr_config.warmup_iters
        for group, rate in zip(optimizer.param_groups, rates):
            group['lr'] = warm * rate
        batch = dict(img=photographs, img_metas=[meta] * 2, gt_semantic_seg=labels)
        loss = model.train_step(batch, optimizer)['loss']
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(
            model.parameters(), cfg.optimizer_config.grad_clip.max_norm
        )
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.fixture(scope='module')
def expected():
    return first_losses('cpu')


@pytest.fixture
def without_tf32(monkeypatch):
    monkeypatch.setattr(torch.backends.cuda.matmul, 'allow_tf32', False)
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


@pytest.mark.gpu
@pytest.mark.parametrize(('bfloat16', 'tolerance'), [(False, 1e-3), (True, 3e-2)])
def test_first_losses_are_those_of_the_cpu(
    expected, bfloat16, tolerance, without_tf32, capsys
):
    losses = first_losses('cuda', bfloat16)
    with capsys.disabled():
        print(f'\nCPU  {expected}\nCUDA {losses}')
    assert losses[-1] < 0.95 * losses[0]
    assert losses == pytest.approx(expected, rel=tolerance)
