import math

import pytest
import torch
import torch.nn.functional as F

from hacdr.models import NALoss

from ..released import load, relative_error

COUNTS = [9e6, 4e4, 5e4, 1e4, 6e3]


class Noiseless(NALoss):
    """Cross-entropy of the hard pixels alone."""

    def sample_noise(self, logits):
        return torch.zeros_like(logits)


def batch(size=(2, 5, 12, 14), dtype=torch.float32):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(size, generator=generator).mul(3).to(dtype)
    label = torch.randint(0, size[1], (size[0], *size[2:]), generator=generator)
    label[:, 2:4] = 255
    return logits.requires_grad_(), label


CASES = ['released_ddr', 'min_kept_small', 'threshold_binds', 'sigma_half']


@pytest.mark.parametrize('name', CASES)
def test_released_loss(name, monkeypatch):
    tensors, meta = load('released_na_loss')
    case = next(case for case in meta['cases'] if case['name'] == name)
    loss = NALoss(
        meta['cls_num_list'],
        sigma=case['sigma'],
        mining='logit',
        thresh=case['thres'],
        min_kept=case['min_kept'],
        class_weight=case['class_weight'],
        loss_weight=case['loss_weight'],
    )
    monkeypatch.setattr(loss, 'sample_noise', lambda _: tensors[f'{name}/noise'])
    logits = tensors[f'{name}/logits'].requires_grad_()
    value = loss(logits, tensors[f'{name}/target'])
    value.backward()
    assert value.item() == pytest.approx(float(tensors[f'{name}/loss']), rel=1e-6)
    assert relative_error(logits.grad, tensors[f'{name}/grad']) < 1e-6


def test_everything_hard_is_cross_entropy():
    """All pixels below a threshold of 1 count."""
    logits, label = batch()
    value = Noiseless(COUNTS, thresh=1.0)(logits, label)
    expected = F.cross_entropy(logits, label, ignore_index=255)
    torch.testing.assert_close(value, expected)


@pytest.mark.parametrize(('thresh', 'min_kept'), [(0.2, 30), (0.7, 30), (0.0, 1)])
def test_mining_on_probabilities(thresh, min_kept):
    """The min_kept least probable pixels, and all others below the threshold."""
    logits, label = batch()
    value = Noiseless(COUNTS, thresh=thresh, min_kept=min_kept)(logits, label)
    losses = F.cross_entropy(logits, label, ignore_index=255, reduction='none')
    losses = losses[label != 255].sort(descending=True).values
    kept = max(min_kept, int((torch.exp(-losses) < thresh).sum()))
    torch.testing.assert_close(value, losses[:kept].mean())


@pytest.mark.parametrize('mining', ['prob', 'logit'])
@pytest.mark.parametrize('min_kept', [1, 30, 1000])
def test_at_least_min_kept_pixels_count_also_where_scores_tie(mining, min_kept):
    """As at the start of a training, when the classifier's weights are zero."""
    logits, label = batch()
    loss = Noiseless(COUNTS, mining=mining, thresh=0.0, min_kept=min_kept)
    each = loss(torch.zeros_like(logits), label, reduction_override='none')
    assert (each[label != 255] > 0).all()
    half = (label != 255) & (torch.arange(14) < 7)
    easy = torch.where(half.unsqueeze(1), 0, 9 * F.one_hot(label % 5, 5).movedim(3, 1))
    each = loss(easy.float(), label, reduction_override='none')
    assert (each[half] > 0).all()
    if min_kept < half.sum():
        assert (each[~half] == 0).all()


def test_only_logit_mining_depends_on_a_common_shift():
    """Adding a number to all logits of a pixel changes no probability."""
    logits, label = batch()
    shift = torch.linspace(-9, 9, 14)
    for mining, same in (('prob', True), ('logit', False)):
        loss = Noiseless(COUNTS, mining=mining, thresh=0.5, min_kept=20)
        close = torch.isclose(loss(logits, label), loss(logits + shift, label))
        assert close == same, mining


def test_noise_follows_the_seed_and_favours_the_rare():
    loss = NALoss(COUNTS)
    logits, label = batch()

    def value(seed):
        torch.manual_seed(seed)
        return loss(logits, label)

    assert torch.equal(value(0), value(0))
    assert not torch.equal(value(0), value(1))
    share = loss.noise_share
    assert share.sum().item() == pytest.approx(1)
    assert share.argsort().tolist() == [0, 2, 1, 3, 4]
    logs = [math.log(n) for n in COUNTS]
    assert share[3].item() == pytest.approx((sum(logs) - logs[3]) / (4 * sum(logs)))


def test_noise_is_clamped_and_positive(monkeypatch):
    """A draw of -8 adds as much as one of 1."""
    loss = NALoss(COUNTS)
    logits, label = batch()
    values = []
    for draw in (-8.0, 1.0):
        noise = torch.zeros_like(logits)
        noise[:, 1] = draw
        monkeypatch.setattr(loss, 'sample_noise', lambda _, noise=noise: noise)
        values.append(loss(logits, label))
    assert torch.equal(*values)


def test_sigma_scales_the_draw():
    torch.manual_seed(0)
    noise = NALoss(COUNTS, sigma=0.5).sample_noise(torch.zeros(1, 5, 200, 200))
    assert noise.std().item() == pytest.approx(0.5, rel=0.02)


def test_ignored_pixels_have_no_say():
    logits, label = batch()
    loss = Noiseless(COUNTS, min_kept=40)
    value = loss(logits, label)
    value.backward()
    assert (logits.grad[:, :, 2:4] == 0).all()
    other = logits.detach().clone()
    other[:, :, 2:4] = 50
    torch.testing.assert_close(loss(other, label), value.detach())
    moved = label.masked_fill(label == 255, 7)
    torch.testing.assert_close(loss(logits, moved, ignore_index=7), value)


@pytest.mark.parametrize('mining', ['prob', 'logit'])
def test_no_valid_pixel(mining):
    logits, label = batch()
    value = NALoss(COUNTS, mining=mining)(logits, torch.full_like(label, 255))
    value.backward()
    assert value == 0
    assert (logits.grad == 0).all()


@pytest.mark.parametrize('mining', ['prob', 'logit'])
def test_one_easy_pixel_is_no_division_by_zero(mining):
    logits = torch.zeros(1, 5, 1, 1)
    logits[:, 0] = 9
    value = NALoss(COUNTS, mining=mining)(logits, torch.zeros(1, 1, 1).long())
    assert value == 0


def test_absent_classes():
    """In the batch and in the training data."""
    logits, label = batch()
    loss = NALoss([9e6, 4e4, 5e4, 0, 6e3])
    assert loss(logits, torch.zeros_like(label)).isfinite()
    one = NALoss([9e6, 4e4, 5e4, 1, 6e3])
    assert torch.equal(loss.noise_share, one.noise_share)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision(dtype):
    logits, label = batch(dtype=dtype)
    value = NALoss(COUNTS)(logits, label)
    value.backward()
    assert value.dtype == torch.float32
    assert logits.grad.dtype == dtype
    assert logits.grad.isfinite().all()


def test_gradient():
    logits, label = batch((1, 5, 4, 5), torch.float64)
    assert torch.autograd.gradcheck(lambda z: Noiseless(COUNTS)(z, label), logits)


def test_pixel_weights():
    """They scale the losses of hard pixels; the mean stays over the hard pixels."""
    logits, label = batch()
    loss = Noiseless(COUNTS, thresh=1.0)
    value = loss(logits, label)
    weight = torch.full(label.shape, 3.0)
    torch.testing.assert_close(loss(logits, label, weight=weight), 3 * value)
    weight[:, 6:] = 0
    loss(logits, label, weight=weight).backward()
    assert (logits.grad[:, :, 6:] == 0).all()


def test_reductions():
    logits, label = batch()
    loss = Noiseless(COUNTS, min_kept=50, loss_weight=2.0)
    each = loss(logits, label, reduction_override='none')
    assert each.shape == label.shape
    hard = int((each > 0).sum())
    assert 50 <= hard < label.numel()
    torch.testing.assert_close(
        loss(logits, label, reduction_override='sum'), each.sum()
    )
    torch.testing.assert_close(loss(logits, label), each.sum() / hard)
    torch.testing.assert_close(loss(logits, label, avg_factor=10), each.sum() / 10)
    with pytest.raises(ValueError, match='avg_factor'):
        loss(logits, label, avg_factor=10, reduction_override='sum')
    with pytest.raises(ValueError, match="got 'median'"):
        loss(logits, label, reduction_override='median')


def test_class_weight():
    logits, label = batch()
    weighted = Noiseless(COUNTS, thresh=1.0, class_weight=[0, 0, 2.0, 0, 0])
    each = weighted(logits, label, reduction_override='none')
    plain = F.cross_entropy(logits, label, ignore_index=255, reduction='none')
    torch.testing.assert_close(each, 2 * plain * (label == 2))


def test_leaves_no_trace_in_checkpoints():
    assert not NALoss(COUNTS).state_dict()
    assert 'loss' in NALoss(COUNTS).loss_name


@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_gpu():
    logits, label = batch()
    loss = Noiseless(COUNTS)
    value = loss.cuda()(logits.cuda(), label.cuda())
    torch.testing.assert_close(value.cpu(), loss.cpu()(logits, label))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'cls_num_list': [0.9, 0.1]}, 'numbers of pixels'),
        ({'cls_num_list': [9, -1]}, 'numbers of pixels'),
        ({'cls_num_list': [9, float('nan')]}, 'numbers of pixels'),
        ({'cls_num_list': [9]}, 'two or more classes'),
        ({'sigma': -1}, 'sigma'),
        ({'mining': 'loss'}, "got 'loss'"),
        ({'thresh': 1.5}, 'probability'),
        ({'min_kept': -1}, 'min_kept'),
    ],
)
def test_arguments_that_do_not_fit(kwargs, message):
    with pytest.raises(ValueError, match=message):
        NALoss(**{'cls_num_list': COUNTS, **kwargs})


def test_other_class_count():
    with pytest.raises(ValueError, match=r'5 classes.*\(1, 3, 2, 2\)'):
        NALoss(COUNTS)(torch.zeros(1, 3, 2, 2), torch.zeros(1, 2, 2).long())


def test_nothing_of_the_loss_goes_into_a_checkpoint():
    # mmcv saves all buffers, persistent or not.
    loss = NALoss([10, 5])
    assert not dict(loss.named_buffers())
    assert not loss.state_dict()
