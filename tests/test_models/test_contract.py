"""What every network of this package keeps, whatever its variant."""

import copy
import math

import pytest
import torch
from mmseg.models.builder import MODELS, build_backbone, build_head

from .released import Network

SMALL = {
    'embed_dims': (8, 12, 16, 20),
    'depths': (1, 2, 1, 1),
    'ffn_ratios': (4, 4, 2, 2),
}
GROUP_NORM = {'type': 'GN', 'num_groups': 2}
VARIANTS = {
    'released': ({'near_far_kernel': 0, 'zero_offset_init': False}, {}),
    'paper': ({}, {'mode': 'adaptive'}),
    'mdconv': ({'ffn': 'mdconv'}, {}),
    'cross_only': ({'deform_kernel': 0, 'near_far_kernel': 0}, {}),
    'deform_only': ({'cross_kernels': (), 'near_far_kernel': 0}, {}),
    'near_far_only': ({'cross_kernels': (), 'deform_kernel': 0}, {}),
    'kernels': ({'cross_kernels': (5,), 'deform_kernel': 5, 'near_far_kernel': 3}, {}),
    'two_stages': (
        {'out_indices': (0, 1)},
        {'in_index': (0, 1), 'in_channels': (8, 12), 'mode': 'adaptive'},
    ),
    'one_channel': ({'in_channels': 1}, {}),
    'group_norm': ({'norm_cfg': GROUP_NORM}, {'norm_cfg': GROUP_NORM}),
}
everywhere = pytest.mark.parametrize('variant', VARIANTS)


def build(variant, **backbone):
    """Build a small network away from its zero initialisations."""
    backbone_args, head_args = VARIANTS[variant]
    torch.manual_seed(0)
    network = Network(
        build_backbone({'type': 'HACDR', **SMALL, **backbone_args, **backbone}),
        build_head(
            {
                'type': 'AdaptiveAggregationHead',
                'in_channels': SMALL['embed_dims'],
                'channels': 8,
                'num_classes': 5,
                'dropout_ratio': 0,
                **head_args,
            }
        ),
    )
    network.backbone.init_weights()
    network.decode_head.init_weights()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.05)
    return network


def picture(network, height=64, width=64, batch=2):
    channels = network.backbone.stages[0].embed.conv1.in_channels
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, channels, height, width, generator=generator)


def test_every_registered_model_has_a_variant():
    registered = {
        name
        for name, module in MODELS.module_dict.items()
        if module.__module__.startswith(
            ('hacdr.models.backbones', 'hacdr.models.decode_heads')
        )
    }
    assert registered == {'HACDR', 'AdaptiveAggregationHead'}


@everywhere
@pytest.mark.parametrize('size', [(32, 32), (33, 47), (70, 101), (64, 96)])
def test_shapes(variant, size):
    network = build(variant).eval()
    x = picture(network, *size)
    with torch.no_grad():
        stages = network.backbone(x)
        logits = network.decode_head(stages)
    dims = SMALL['embed_dims']
    assert [tuple(stage.shape) for stage in stages] == [
        (2, dims[i], *(math.ceil(side / 2 ** (i + 2)) for side in size))
        for i in network.backbone.out_indices
    ]
    assert logits.shape == (2, 5, *stages[0].shape[2:])


@everywhere
def test_trains_on_two_of_the_smallest_pictures(variant):
    network = build(variant).train()
    assert network(picture(network, 32, 32)).isfinite().all()


@everywhere
def test_backward_reaches_every_parameter(variant):
    network = build(variant).eval()
    logits = network(picture(network))
    (logits * torch.randn_like(logits)).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


@everywhere
def test_state_dict_round_trip(variant):
    network, other = build(variant).eval(), build(variant).eval()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.load_state_dict(copy.deepcopy(network.state_dict()), strict=True)
    x = picture(network)
    with torch.no_grad():
        assert torch.equal(network(x), other(x))


@everywhere
def test_evaluation_is_deterministic_and_ignores_the_batch(variant):
    network = build(variant).eval()
    x = picture(network)
    with torch.no_grad():
        both = network(x)
        assert torch.equal(network(x), both)
        torch.testing.assert_close(network(x[:1]), both[:1], rtol=1e-4, atol=1e-5)


@everywhere
def test_training_follows_the_seed(variant):
    network = build(variant, drop_rate=0.3, drop_path_rate=0.5).train()
    x = picture(network)

    def logits(seed):
        torch.manual_seed(seed)
        with torch.no_grad():
            return network(x)

    assert torch.equal(logits(0), logits(0))
    assert not torch.equal(logits(0), logits(1))


@everywhere
def test_checkpointing_changes_nothing_but_memory(variant):
    """Outputs, gradients and running statistics, with dropout and drop path on."""
    results = []
    for with_cp in (False, True):
        network = build(variant, drop_rate=0.3, drop_path_rate=0.5, with_cp=with_cp)
        network.train()
        torch.manual_seed(2)
        logits = network(picture(network))
        logits.square().sum().backward()
        results.append(
            (
                logits.detach(),
                {name: p.grad for name, p in network.named_parameters()},
                dict(network.named_buffers()),
            )
        )
    (logits, grads, buffers), (cp_logits, cp_grads, cp_buffers) = results
    assert torch.equal(logits, cp_logits)
    for name in grads:
        torch.testing.assert_close(grads[name], cp_grads[name], msg=name)
    for name in buffers:
        assert torch.equal(buffers[name], cp_buffers[name]), name


@everywhere
def test_float64(variant):
    """No layer falls back to single precision."""
    network = build(variant).eval()
    x = picture(network)
    with torch.no_grad():
        single = network(x)
        double = network.double()(x.double())
    assert double.dtype == torch.float64
    assert (double - single).abs().max() < 1e-4 * double.abs().max()


@everywhere
def test_autocast(variant):
    """Half precision trains: finite gradients, logits near those of float32."""
    network = build(variant).eval()
    x = picture(network)
    expected = network(x).detach()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        logits = network(x)
    logits.float().square().sum().backward()
    assert (logits.detach() - expected).abs().mean() < 0.05 * expected.abs().max()
    assert all(p.grad.isfinite().all() for p in network.parameters())


def test_group_norm_trains_alone_on_the_smallest_picture():
    """Where batch normalisation cannot: one value a channel in the last stage."""
    picture_of_32 = picture(build('group_norm'), 32, 32, batch=1)
    assert build('group_norm').train()(picture_of_32).isfinite().all()
    with pytest.raises(ValueError, match='more than 1 value'):
        build('released').train()(picture_of_32)
