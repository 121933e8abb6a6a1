import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from hacdr.models import HACDR, AdaptiveAggregationHead, fuse_for_inference

from .test_contract import build, everywhere, picture


def trained(variant):
    """A network whose normalisations have seen data."""
    network = build(variant)
    generator = torch.Generator().manual_seed(2)
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
    return network


@everywhere
def test_the_fused_network_computes_the_same(variant):
    network = trained(variant).eval()
    x = picture(network, 70, 101)
    with torch.no_grad():
        expected = network(x)
        actual = fuse_for_inference(network)(x)
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_it_leaves_the_original_alone():
    network = trained('paper').train()
    before = {name: t.clone() for name, t in network.state_dict().items()}
    fused = fuse_for_inference(network)
    assert network.training
    assert not fused.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name]), name


@pytest.mark.parametrize('variant', ['released', 'paper', 'mdconv'])
def test_no_normalisation_or_dropout_is_left(variant):
    fused = fuse_for_inference(trained(variant))
    kinds = (_BatchNorm, torch.nn.Dropout, torch.nn.Dropout2d)
    assert not any(isinstance(module, kinds) for module in fused.modules())


def test_a_normalisation_without_parameters_folds_too():
    network = trained('released').eval()
    for stage in network.backbone.stages:
        for block in stage.blocks:
            channels = block.norm1.num_features
            block.norm1 = torch.nn.BatchNorm2d(channels, affine=False).eval()
            block.norm1.running_var.fill_(3)
    x = picture(network)
    with torch.no_grad():
        torch.testing.assert_close(
            fuse_for_inference(network)(x), network(x), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize('option', ['affine', 'track_running_stats'])
def test_other_batch_normalisations(option):
    norm_cfg = {'type': 'BN', option: False}
    head = AdaptiveAggregationHead((8, 12), 8, num_classes=5, in_index=(0, 1))
    network = HACDR(
        embed_dims=(8, 12),
        depths=(1, 1),
        ffn_ratios=(2, 2),
        out_indices=(0, 1),
        norm_cfg=norm_cfg,
    )
    network = torch.nn.Sequential(network, head).eval()
    x = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(
            fuse_for_inference(network)(x), network(x), rtol=1e-4, atol=1e-5
        )
