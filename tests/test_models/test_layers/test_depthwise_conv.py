import pytest
import torch
import torch.nn as nn

from hacdr.models.layers import DepthwiseConv2d


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('kernel', [(3, 3), (1, 21), (7, 1), (1, 1)])
def test_values_and_gradients_are_those_of_conv2d(kernel, bias):
    torch.manual_seed(0)
    args = (6, 6, kernel), {'padding': tuple(k // 2 for k in kernel), 'groups': 6}
    ours = DepthwiseConv2d(*args[0], **args[1], bias=bias).double()
    theirs = nn.Conv2d(*args[0], **args[1], bias=bias).double()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 6, 9, 12, dtype=torch.double)
    inputs = [x.clone().requires_grad_() for _ in range(2)]
    outs = [layer(x) for layer, x in zip((ours, theirs), inputs)]
    cotangent = torch.randn_like(outs[0])
    for out in outs:
        (out * cotangent).sum().backward()
    torch.testing.assert_close(*outs)
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    for mine, other in zip(ours.parameters(), theirs.parameters()):
        torch.testing.assert_close(mine.grad, other.grad)


def test_autocast():
    layer = DepthwiseConv2d(4, 4, 3, padding=1, groups=4)
    x = torch.randn(1, 4, 8, 8, requires_grad=True)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = layer(x)
    out.float().sum().backward()
    assert out.dtype == torch.bfloat16
    assert x.grad.dtype == layer.weight.grad.dtype == torch.float32


def test_frozen_weights_have_no_gradient():
    layer = DepthwiseConv2d(4, 4, 3, padding=1, groups=4).requires_grad_(False)
    x = torch.randn(1, 4, 8, 8, requires_grad=True)
    layer(x).sum().backward()
    assert layer.weight.grad is None
    assert x.grad is not None


@pytest.mark.parametrize(
    'args',
    [
        {'out_channels': 8, 'groups': 4},
        {'groups': 2},
        {'padding': 0},
        {'kernel_size': 4, 'padding': 2},
    ],
)
def test_what_is_not_depthwise_of_same_size_is_refused(args):
    usual = {
        'in_channels': 4,
        'out_channels': 4,
        'kernel_size': 3,
        'padding': 1,
        'groups': 4,
    }
    with pytest.raises(ValueError, match='must be'):
        DepthwiseConv2d(**{**usual, **args})


def test_narrow_bfloat16_on_channels_last_pixels_comes_back():
    """One of these never returned from oneDNN on an AMD EPYC of Zen 5."""
    conv = DepthwiseConv2d(8, 8, (1, 21), padding=(0, 10), groups=8).bfloat16()
    x = torch.rand(1, 8, 32, 40).bfloat16().to(memory_format=torch.channels_last)
    with torch.no_grad():
        out, expected = conv(x), conv.float()(x.float())
    torch.testing.assert_close(out.float(), expected, rtol=0.02, atol=0.02)
