import math

import pytest
import torch
from mmcv.cnn.utils import revert_sync_batchnorm
from torch import nn

from hacdr.models import HACDR, AdaptiveAggregationHead, MDConv

SMALL = {'embed_dims': (8, 12), 'depths': (1, 2), 'ffn_ratios': (2, 2)}


def small(**kwargs):
    return HACDR(**{**SMALL, 'out_indices': (0, 1), **kwargs})


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_released_network():
    backbone = HACDR(near_far_kernel=0)
    head = AdaptiveAggregationHead((32, 64, 160, 256), 32, num_classes=5)
    assert count(backbone) == 23527057
    assert count(backbone) + count(head) == 24562038


def test_near_far_branch_is_a_small_part():
    assert 1.01 < count(HACDR()) / 23527057 < 1.03


def test_stochastic_depth_is_linear_over_all_blocks():
    network = HACDR(depths=(1, 2, 1, 2), drop_path_rate=0.5)
    rates = [b.drop_path.drop_prob for stage in network.stages for b in stage.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])


def test_dropped_block_is_the_identity():
    network = small(drop_path_rate=1 - 1e-6).train()
    block = network.stages[1].blocks[1]
    x = torch.randn(2, 12, 8, 8)
    assert torch.equal(block(x), x)


def test_stages_beyond_the_last_output_are_not_built():
    network = HACDR(out_indices=(0, 2))
    assert len(network.stages) == 3
    stages = network.eval()(torch.randn(1, 3, 32, 32))
    assert [stage.shape[1] for stage in stages] == [32, 160]


def test_own_initialisation():
    torch.manual_seed(0)
    network = HACDR()
    network.init_weights()
    block = network.stages[3].blocks[0]
    assert block.dffn.expand.weight.std().item() == pytest.approx(
        math.sqrt(2 / 1024), rel=0.02
    )
    # Depthwise: a group has one output, so fan out is the kernel's area.
    assert block.dffn.conv.weight.std().item() == pytest.approx(
        math.sqrt(2 / 9), rel=0.05
    )
    assert (block.dffn.expand.bias == 0).all()
    assert (block.layer_scale1 == 0.01).all()
    bound = 1 / math.sqrt(256 * 25)
    kernel = block.haaa.cgmd.conv.weight
    assert 0.9 * bound < kernel.abs().max() <= bound


@pytest.mark.parametrize('zero', [True, False])
def test_offsets_start_at_zero_unless_released(zero):
    network = small(zero_offset_init=zero)
    network.init_weights()
    for module in network.modules():
        if isinstance(module, MDConv):
            assert (module.conv_offset.weight == 0).all() == zero
            assert (module.conv_offset.bias == 0).all()


def test_layer_scale_starts_where_it_is_told():
    assert (small(layer_scale=0.5).stages[0].blocks[0].layer_scale2 == 0.5).all()


def test_init_cfg_pretrained(tmp_path):
    source = small()
    path = tmp_path / 'weights.pth'
    torch.save({'state_dict': source.state_dict()}, path)
    network = small(init_cfg={'type': 'Pretrained', 'checkpoint': str(path)})
    network.init_weights()
    for name, tensor in source.state_dict().items():
        assert torch.equal(network.state_dict()[name], tensor), name


@pytest.mark.filterwarnings('ignore:init_weights of HACDR')
@pytest.mark.parametrize('pretrained', [False, True])
def test_a_second_initialisation_leaves_loaded_weights_alone(tmp_path, pretrained):
    path = tmp_path / 'weights.pth'
    torch.save({'state_dict': small().state_dict()}, path)
    init_cfg = {'type': 'Pretrained', 'checkpoint': str(path)}
    network = small(init_cfg=init_cfg if pretrained else None)
    network.init_weights()
    loaded = {name: torch.ones_like(t) for name, t in network.state_dict().items()}
    network.load_state_dict(loaded)
    network.init_weights()
    for name, tensor in network.state_dict().items():
        assert (tensor == 1).all(), name


def test_init_cfg_comes_on_top():
    network = small(init_cfg={'type': 'Constant', 'layer': 'Conv2d', 'val': 0.25})
    network.init_weights()
    assert (network.stages[0].embed.conv1.weight == 0.25).all()


def test_sync_bn_on_the_cpu():
    """mmseg's tools revert it where there is no process group."""
    norm = small()
    sync = small(norm_cfg={'type': 'SyncBN', 'requires_grad': True})
    assert any(isinstance(m, nn.SyncBatchNorm) for m in sync.modules())
    sync.load_state_dict(norm.state_dict(), strict=True)
    sync = revert_sync_batchnorm(sync)
    x = torch.randn(2, 3, 40, 40)
    for network in (norm, sync):
        torch.manual_seed(0)
        network.out = network.train()(x)[-1]
        network.out.square().sum().backward()
    torch.testing.assert_close(sync.out, norm.out)
    torch.testing.assert_close(
        sync.stages[0].embed.conv1.weight.grad, norm.stages[0].embed.conv1.weight.grad
    )


def test_frozen_statistics_with_checkpointing():
    """Evaluation mode and frozen inputs take the plain way."""
    network = small(with_cp=True).eval()
    before = {name: b.clone() for name, b in network.named_buffers()}
    network(torch.randn(1, 3, 40, 40))[-1].sum().backward()
    assert all(torch.equal(before[name], b) for name, b in network.named_buffers())


def test_a_network_with_checkpointing_is_traced():
    network = small(with_cp=True).eval()
    traced = torch.jit.trace(network, torch.randn(1, 3, 40, 40))
    x = torch.randn(1, 3, 40, 40)
    torch.testing.assert_close(traced(x), network(x))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'depths': (1, 1, 1)}, 'one value for each stage'),
        ({'embed_dims': (8, 13)}, 'even'),
        (
            {'ffn_ratios': (0.1, 2)},
            r'ffn_ratios .* got \(0\.1, 2\) for embed_dims=\(8, ',
        ),
        ({'cross_kernels': (7, 10)}, 'odd'),
        ({'near_far_kernel': 4}, 'odd'),
        ({'deform_kernel': -3}, 'odd'),
        ({'ffn': 'mlp'}, "'conv' or 'mdconv', got 'mlp'"),
        ({'drop_path_rate': 1}, 'drop_path_rate must be'),
        ({'out_indices': (0, 2)}, 'stages 0 to 1'),
        ({'out_indices': ()}, 'stages 0 to 1'),
    ],
)
def test_arguments_that_do_not_fit(kwargs, message):
    with pytest.raises(ValueError, match=message):
        small(**kwargs)


def test_hooks_see_what_each_branch_returned():
    network = small(near_far_kernel=3)
    haaa = network.stages[0].blocks[0].haaa
    kept = []
    for branch in haaa.branches.values():
        branch.register_full_backward_hook(lambda *_: None)
        branch.register_forward_hook(
            lambda _, inputs, out: kept.append((out, out.detach().clone()))
        )
    sum(out.sum() for out in network(torch.rand(1, 3, 32, 32))).backward()
    assert len(kept) == 3
    assert all(torch.equal(out, then) for out, then in kept)
