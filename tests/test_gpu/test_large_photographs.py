"""No size overflows an index: photographs' maps of more than 2^31 elements."""

import pytest
import torch

from hacdr.ops import modulated_deform_conv2d

CHANNELS, SIDE = 32, 8200  # 2.15e9 elements
CORNER = 40
# Samples are at most this many pixels away.
REACH = 4
GIBIBYTES = 60


@pytest.mark.gpu
@pytest.mark.parametrize('depthwise', [True, False], ids=['depthwise', 'dense'])
def test_the_last_corner_of_a_large_map(depthwise):
    """It is that of a small map cut out there, and so are its gradients."""
    free = torch.cuda.mem_get_info()[0] / 2**30
    if free < GIBIBYTES:
        pytest.skip(f'needs {GIBIBYTES} GiB of GPU memory, {free:.0f} are free')
    torch.manual_seed(0)
    groups, out = (CHANNELS, CHANNELS) if depthwise else (1, 2)
    like = dict(device='cuda', dtype=torch.bfloat16)
    x = torch.randn(1, CHANNELS, SIDE, SIDE, **like)
    offset = torch.rand(1, 2, SIDE, SIDE, **like) * (2 * REACH - 1) - (REACH - 1)
    mask = torch.rand(1, 1, SIDE, SIDE, **like)
    weight = torch.randn(out, CHANNELS // groups, 1, 1, device='cuda')

    def convolve(tensors):
        leaves = [t.detach().requires_grad_() for t in tensors]
        result = modulated_deform_conv2d(*leaves, weight, groups=groups)
        grad = torch.zeros_like(result)
        inner = CORNER - 2 * REACH
        grad[..., -inner:, -inner:] = 1
        return result.detach(), torch.autograd.grad(result, leaves, grad)

    def cut(tensor):
        return tensor[..., -CORNER:, -CORNER:]

    expected, expected_gradients = convolve([cut(t).clone() for t in (x, offset, mask)])
    result, gradients = convolve([x, offset, mask])
    inner = CORNER - 2 * REACH
    for actual, wanted in zip((result, *gradients), (expected, *expected_gradients)):
        actual = cut(actual)[..., -inner:, -inner:].float()
        wanted = wanted[..., -inner:, -inner:].float()
        assert wanted.abs().max() > 0.1
        assert (actual - wanted).abs().max() < 0.02 * wanted.abs().max()
