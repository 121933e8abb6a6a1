import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmcv.ops import ModulatedDeformConv2dPack
from torch import nn

from hacdr.models.layers import LayerNorm2d, MDConv, checkpoint


@pytest.mark.mmcv_operators
@pytest.mark.parametrize(
    'args',
    [
        {'kernel_size': 3, 'stride': 2, 'padding': 1, 'deform_groups': 2},
        {'kernel_size': 5, 'padding': 2, 'groups': 8},
        {'kernel_size': (1, 3), 'padding': (0, 1), 'deform_groups': 8},
        {'kernel_size': 3, 'padding': 2, 'dilation': 2, 'bias': False},
    ],
)
def test_md_conv_is_mmcvs_layer(args):
    """Same state dict, same output, same gradient."""
    torch.manual_seed(0)
    theirs, ours = ModulatedDeformConv2dPack(8, 8, **args), MDConv(8, 8, **args)
    nn.init.normal_(theirs.conv_offset.weight, std=0.2)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(2, 8, 9, 11)
    outs = [layer(x) for layer in (theirs, ours)]
    torch.testing.assert_close(outs[1], outs[0])
    for out in outs:
        out.square().sum().backward()
    torch.testing.assert_close(
        ours.conv_offset.weight.grad,
        theirs.conv_offset.weight.grad,
        rtol=1e-4,
        atol=1e-4,
    )


def test_new_md_conv_is_half_a_convolution():
    """No offsets, and a mask of 0.5 everywhere."""
    layer = MDConv(4, 6, 3, padding=1)
    x = torch.randn(1, 4, 7, 8)
    expected = F.conv2d(x, layer.weight / 2, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected)


def test_md_conv_as_mmcvs_conv_cfg():
    module = ConvModule(4, 6, 3, padding=1, conv_cfg={'type': 'MDConv'})
    assert isinstance(module.conv, MDConv)
    assert module(torch.randn(1, 4, 7, 8)).shape == (1, 6, 7, 8)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'groups': 3}, 'got groups=3'),
        ({'groups': 0}, 'got groups=0'),
        ({'deform_groups': 5}, 'got deform_groups=5'),
        ({'deform_groups': 0}, 'got deform_groups=0'),
    ],
)
def test_md_conv_refuses_groups_that_do_not_divide(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MDConv(8, 9, 3, **kwargs)


def test_layer_norm_over_channels():
    torch.manual_seed(0)
    norm = LayerNorm2d(6)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = torch.randn(2, 6, 5, 4) * 3 + 100
    expected = F.layer_norm(x.permute(0, 2, 3, 1), (6,), norm.weight, norm.bias)
    torch.testing.assert_close(
        norm(x), expected.permute(0, 3, 1, 2), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize('kind', [torch.half, torch.bfloat16])
def test_layer_norm_of_half_precision_has_room_for_squares(kind):
    torch.manual_seed(0)
    norm = LayerNorm2d(6)
    nn.init.normal_(norm.weight)
    x = (torch.randn(2, 6, 5, 4) * 1000).to(kind)
    out = norm(x)
    assert out.dtype == kind
    # Rounded once, at the end.
    torch.testing.assert_close(out, norm(x.float()).to(kind), rtol=0, atol=0)


def test_checkpoint_counts_a_batch_once():
    norm = nn.BatchNorm2d(3)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    checkpoint(norm, x).sum().backward()
    assert norm.num_batches_tracked == 1
    assert norm.track_running_stats
    expected = 0.1 * x.detach().mean((0, 2, 3))
    torch.testing.assert_close(norm.running_mean, expected)
