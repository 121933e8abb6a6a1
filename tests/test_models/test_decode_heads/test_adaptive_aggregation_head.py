import pytest
import torch
from mmcv.runner import wrap_fp16_model
from mmseg.models import build_segmentor

from hacdr.models import AdaptiveAggregationHead

CHANNELS = (8, 12, 16)


def build(**kwargs):
    args = {'in_index': (0, 1, 2), 'num_classes': 5, **kwargs}
    return AdaptiveAggregationHead(CHANNELS, 8, **args)


def maps(sizes=((17, 23), (9, 12), (5, 6))):
    torch.manual_seed(0)
    return [torch.randn(2, c, *size) for c, size in zip(CHANNELS, sizes)]


@pytest.mark.parametrize('mode', ['concat', 'adaptive'])
def test_inputs_are_left_alone(mode):
    inputs = maps()
    before = [x.clone() for x in inputs]
    list_before = list(inputs)
    build(mode=mode)(inputs)
    assert all(a is b for a, b in zip(inputs, list_before))
    assert all(torch.equal(a, b) for a, b in zip(inputs, before))


def test_adaptive_starts_as_concat():
    concat, adaptive = build(mode='concat').eval(), build(mode='adaptive').eval()
    missing, unexpected = adaptive.load_state_dict(concat.state_dict(), strict=False)
    assert not unexpected
    assert missing
    assert all('.gate.' in name for name in missing)
    adaptive.init_weights()
    concat.load_state_dict(
        {k: v for k, v in adaptive.state_dict().items() if '.gate.' not in k}
    )
    torch.testing.assert_close(adaptive(maps()), concat(maps()))


def test_spatial_gate_chooses_between_the_maps():
    gate = build(mode='adaptive').aggregations[0].gate.spatial
    torch.nn.init.normal_(gate.conv.weight)
    skip, up = torch.randn(1, 4, 6, 6), torch.randn(1, 7, 6, 6)
    skip_weight, up_weight = gate(skip, up)
    assert skip_weight.shape == up_weight.shape == (1, 1, 6, 6)
    torch.testing.assert_close(skip_weight + up_weight, torch.full((1, 1, 6, 6), 2.0))
    assert skip_weight.std() > 0


def test_channel_gate_sees_a_single_bright_pixel():
    """A nine-pixel lesion must not drown in a mean."""
    gate = build(mode='adaptive').aggregations[0].gate.channel
    torch.manual_seed(0)
    torch.nn.init.normal_(gate.excite.weight)
    flat = torch.zeros(1, 28, 64, 64)
    lesion = flat.clone()
    lesion[:, 3, 30:33, 30:33] = 9
    assert (gate(lesion) - gate(flat)).abs().max() > 0.1


def test_class_prior_is_what_the_head_predicts_first():
    prior = [960, 20, 10, 8, 2]
    head = build(class_prior=prior)
    head.init_weights()
    shares = head.conv_seg.bias.softmax(0)
    torch.testing.assert_close(shares, torch.tensor(prior) / 1000)


@pytest.mark.parametrize('in_a_list', [False, True])
def test_initialisation_does_not_overwrite_pretrained_weights(tmp_path, in_a_list):
    source = build()
    torch.save(source.state_dict(), tmp_path / 'head.pth')
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'head.pth')}
    if in_a_list:
        init_cfg = [{'type': 'Normal', 'layer': 'Conv2d', 'std': 0.5}, init_cfg]
    head = build(class_prior=[1, 1, 1, 1, 2], init_cfg=init_cfg)
    head.init_weights()
    for name, tensor in source.state_dict().items():
        assert torch.equal(head.state_dict()[name], tensor), name


def test_a_list_in_init_cfg_comes_before_the_prior():
    init_cfg = [{'type': 'Constant', 'layer': 'Conv2d', 'val': 0.25, 'bias': 3}]
    head = build(class_prior=[1, 1, 1, 1, 4], init_cfg=init_cfg)
    head.init_weights()
    assert (head.conv_seg.weight == 0.25).all()
    assert head.conv_seg.bias.softmax(0)[4].item() == pytest.approx(0.5)
    assert (head.aggregations[0].ccbg.conv1.bias == 3).all()


@pytest.mark.filterwarnings('ignore:init_weights of AdaptiveAggregationHead')
@pytest.mark.parametrize('pretrained', [False, True])
def test_a_second_initialisation_leaves_loaded_weights_alone(tmp_path, pretrained):
    torch.save(build().state_dict(), tmp_path / 'head.pth')
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'head.pth')}
    kwargs = {'init_cfg': init_cfg} if pretrained else {}
    head = build(class_prior=[1, 1, 1, 1, 2], **kwargs)
    head.init_weights()
    head.load_state_dict({k: torch.ones_like(t) for k, t in head.state_dict().items()})
    head.init_weights()
    for name, tensor in head.state_dict().items():
        assert (tensor == 1).all(), name


def activations(head):
    layers = (torch.nn.GELU, torch.nn.ReLU, torch.nn.SiLU)
    return [type(m).__name__ for m in head.modules() if isinstance(m, layers)]


def test_activations():
    """Those of the released network, or one everywhere."""
    assert activations(build()) == ['GELU'] * 4 + ['ReLU']
    assert activations(build(act_cfg={'type': 'SiLU'})) == ['SiLU'] * 5


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'mode': 'sum'}, "got 'sum'"),
        ({'in_index': (0, 1)}, 'in_channels and in_index'),
        ({'class_prior': [0.9, 0.1]}, 'positive number for each of 5 classes'),
        ({'class_prior': [0.9, 0.1, 0, 0, 0]}, 'positive number for each of 5 classes'),
    ],
)
def test_arguments_that_do_not_fit(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def segmentor():
    model = build_segmentor(
        {
            'type': 'EncoderDecoder',
            'backbone': {
                'type': 'HACDR',
                'embed_dims': CHANNELS,
                'depths': (1, 1, 1),
                'ffn_ratios': (2, 2, 2),
                'out_indices': (0, 1, 2),
            },
            'decode_head': {
                'type': 'AdaptiveAggregationHead',
                'in_channels': CHANNELS,
                'in_index': (0, 1, 2),
                'channels': 8,
                'num_classes': 5,
                'mode': 'adaptive',
                'class_prior': [96, 1, 1, 1, 1],
                'loss_decode': [
                    {'type': 'CrossEntropyLoss', 'avg_non_ignore': True},
                    {'type': 'NALoss', 'cls_num_list': [1e6, 1e4, 1e4, 1e3, 1e3]},
                ],
            },
            'test_cfg': {'mode': 'whole'},
        }
    )
    model.init_weights()
    return model


def test_in_mmsegs_segmentor():
    """Both losses count, and a step reaches every parameter."""
    model = segmentor().train()
    image = torch.randn(2, 3, 41, 53)
    labels = torch.randint(0, 5, (2, 1, 41, 53))
    labels[:, :, :5] = 255
    losses = model.forward_train(image, [{}, {}], labels)
    total, log = model._parse_losses(losses)
    assert set(losses) == {'decode.loss_ce', 'decode.loss_na', 'decode.acc_seg'}
    assert total.item() == pytest.approx(
        log['decode.loss_ce'] + log['decode.loss_na'], rel=1e-5
    )
    total.backward()
    assert all(p.grad is not None for p in model.parameters())


def test_fp16_setting():
    """Under mmcv's fp16 the head computes its losses in float32."""
    model = segmentor()
    wrap_fp16_model(model)
    head = model.decode_head
    assert model.fp16_enabled
    assert head.fp16_enabled
    logits = torch.randn(1, 5, 8, 8).half().requires_grad_()
    losses = head.losses(logits, torch.randint(0, 5, (1, 1, 16, 16)))
    assert losses['loss_na'].dtype == torch.float32
    (losses['loss_na'] + losses['loss_ce']).backward()
    assert logits.grad.isfinite().all()


def test_losses_in_a_list_add_up():
    """NALoss beside Dice, each called as if alone."""
    torch.manual_seed(0)
    noise, dice = (
        dict(type='NALoss', cls_num_list=[96, 1, 1, 1, 1], sigma=0, loss_weight=0.2),
        dict(type='DiceLoss', class_weight=[0.0, 1, 1, 1, 1], loss_weight=0.5),
    )
    label = torch.randint(0, 5, (2, 1, 32, 32))
    label[:, :, :4] = 255
    logits = torch.randn(2, 5, 16, 16, requires_grad=True)

    def losses(loss_decode):
        return build(loss_decode=loss_decode).losses(logits, label)

    both = losses([noise, dice])
    assert set(both) == {'loss_na', 'loss_dice', 'acc_seg'}
    assert torch.equal(both['loss_na'], losses(noise)['loss_na'])
    assert torch.equal(both['loss_dice'], losses(dice)['loss_dice'])
    (both['loss_na'] + both['loss_dice']).backward()
    assert logits.grad.abs().sum() > 0


def test_class_prior_of_a_single_logit():
    head = build(num_classes=2, out_channels=1, threshold=0.3, class_prior=[975, 25])
    head.init_weights()
    assert head.conv_seg.bias.sigmoid().item() == pytest.approx(0.025)
