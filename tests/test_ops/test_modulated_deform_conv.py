import multiprocessing
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmcv.ops import modulated_deform_conv2d as mmcv_op

from hacdr.ops import modulated_deform_conv2d, modulated_deform_conv2d_packed

# channels, out channels, kernel, stride, padding, dilation, groups, deform groups
CASES = {
    'depthwise 5x5': (8, 8, (5, 5), 1, 2, 1, 8, 1),
    'depthwise 1x7': (6, 6, (1, 7), 1, (0, 3), 1, 6, 1),
    'depthwise dilated': (6, 6, (3, 3), 2, 2, 2, 6, 1),
    'row, own offsets': (8, 8, (1, 3), 1, (0, 1), 1, 1, 8),
    'column, own offsets': (8, 8, (3, 1), 1, (1, 0), 1, 1, 8),
    'strided, two fields': (8, 12, (3, 3), 2, 1, 1, 1, 2),
    'groups': (8, 12, (3, 3), 1, 1, 1, 4, 2),
    'dilated': (4, 6, (3, 3), 1, 2, 2, 2, 1),
    'no padding': (4, 4, (2, 3), 1, 0, 1, 1, 1),
    'depthwise, own offsets': (4, 4, (3, 3), 1, 1, 1, 4, 4),
}
OFFSETS = {
    'pixels': lambda shape: 2 * torch.randn(shape),
    'zero': torch.zeros,
    'integers': lambda shape: torch.randint(-3, 4, shape).float(),
    'far': lambda shape: 100 * torch.randn(shape),
}


def make(case, offsets='pixels', batch=1, size=(13, 18), dtype=torch.float32):
    channels, out, kernel, stride, padding, dilation, groups, fields = case
    torch.manual_seed(0)
    x = torch.randn(batch, channels, *size)
    weight = torch.randn(out, channels // groups, *kernel)
    size = torch.nn.functional.conv2d(
        x, weight, None, stride, padding, dilation, groups
    ).shape[2:]
    taps = kernel[0] * kernel[1]
    offset = OFFSETS[offsets]((batch, 2 * fields * taps, *size))
    mask = torch.rand(batch, fields * taps, *size)
    tensors = [x, offset, mask, weight, torch.randn(out)]
    return [t.to(dtype) for t in tensors], (stride, padding, dilation, groups, fields)


def run(op, tensors, args):
    tensors = [t.detach().clone().requires_grad_() for t in tensors]
    out = op(*tensors, *args)
    torch.manual_seed(1)
    (out * torch.randn_like(out)).sum().backward()
    return [out.detach()] + [t.grad for t in tensors]


def assert_equal(ours, theirs, tolerance=1e-5):
    for name, a, b in zip(
        ('out', 'x', 'offset', 'mask', 'weight', 'bias'), ours, theirs
    ):
        error = (a - b).abs().max() / b.abs().max().clamp(min=1e-12)
        assert error <= tolerance, f'{name}: {float(error):.1e}'


@pytest.mark.parametrize('offsets', OFFSETS)
@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_equals_mmcv(case, offsets):
    tensors, args = make(case, offsets)
    assert_equal(
        run(modulated_deform_conv2d, tensors, args), run(mmcv_op, tensors, args)
    )


@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_batch_of_three_of_another_size(case):
    tensors, args = make(case, batch=3, size=(9, 7))
    assert_equal(
        run(modulated_deform_conv2d, tensors, args), run(mmcv_op, tensors, args)
    )


@pytest.mark.parametrize('name', ['depthwise 5x5', 'strided, two fields'])
def test_offsets_that_end_exactly_on_the_border(name):
    (x, offset, *rest), args = make(CASES[name], 'zero')
    for distance in (-13.0, -1.0, 1.0, 13.0, 18.0):
        tensors = [x, torch.full_like(offset, distance), *rest]
        assert_equal(
            run(modulated_deform_conv2d, tensors, args), run(mmcv_op, tensors, args)
        )


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_memory_layouts(name):
    tensors, args = make(CASES[name], batch=2)
    expected = run(modulated_deform_conv2d, tensors, args)
    last = [t.contiguous(memory_format=torch.channels_last) for t in tensors[:4]]
    strided = [torch.cat([t, t], 1)[:, : t.shape[1]] for t in tensors[:3]]
    for changed in (last, strided):
        changed = changed + tensors[len(changed) :]
        assert_equal(run(modulated_deform_conv2d, changed, args), expected)


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_no_bias(name):
    (x, offset, mask, weight, bias), args = make(CASES[name])
    without = modulated_deform_conv2d(x, offset, mask, weight, None, *args)
    zero = modulated_deform_conv2d(x, offset, mask, weight, bias * 0, *args)
    assert torch.equal(without, zero)


@pytest.mark.parametrize('name', ['depthwise 1x7', 'groups', 'row, own offsets'])
def test_gradcheck(name):
    tensors, args = make(CASES[name], size=(5, 6), dtype=torch.float64)
    tensors = [t.requires_grad_() for t in tensors]
    assert torch.autograd.gradcheck(
        lambda *t: modulated_deform_conv2d(*t, *args), tensors
    )


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf'), 1e30])
def test_absurd_offsets_read_nothing(name, value):
    (x, offset, mask, weight, bias), args = make(CASES[name])
    tensors = [x, torch.full_like(offset, value), mask, weight, bias]
    out, gx, goffset, *_ = run(modulated_deform_conv2d, tensors, args)
    assert torch.allclose(out, bias.view(1, -1, 1, 1).expand_as(out))
    assert not gx.any()
    assert not goffset.any()


@pytest.mark.parametrize('name', ['depthwise 5x5', 'row, own offsets', 'groups'])
def test_packed(name):
    (x, offset, mask, weight, bias), args = make(CASES[name], batch=2)
    packed = torch.cat([offset, torch.logit(mask, 1e-6)], 1)
    out = modulated_deform_conv2d_packed(x, packed, weight, bias, *args)
    expected = modulated_deform_conv2d(x, offset, mask, weight, bias, *args)
    assert torch.allclose(out, expected, atol=1e-4)


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_bfloat16_has_coordinates_in_float32(name):
    tensors, args = make(CASES[name], dtype=torch.bfloat16)
    out = modulated_deform_conv2d(*tensors, *args)
    exact = modulated_deform_conv2d(*[t.float() for t in tensors], *args)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, exact.bfloat16())


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_empty_batch(name):
    tensors, args = make(CASES[name])
    empty = [t[:0] for t in tensors[:3]] + tensors[3:]
    out, *gradients = run(modulated_deform_conv2d, empty, args)
    assert out.shape[0] == 0
    assert not gradients[3].any()


@pytest.mark.parametrize(
    ('position', 'name'), [(1, 'offset'), (2, 'mask'), (3, 'weight'), (4, 'bias')]
)
def test_a_shape_that_does_not_fit_is_named(position, name):
    tensors, args = make(CASES['strided, two fields'])
    tensors[position] = torch.cat([tensors[position]] * 3, min(1, 4 - position))
    with pytest.raises(ValueError, match=f'{name} must have shape'):
        modulated_deform_conv2d(*tensors, *args)


def _child(queue):
    # As torch's data loader does in its workers.
    torch.set_num_threads(1)
    tensors, args = make(CASES['depthwise 5x5'])
    queue.put(modulated_deform_conv2d(*tensors, *args).sum().item())


def test_a_forked_child_can_use_it_too():
    tensors, args = make(CASES['depthwise 5x5'])
    expected = run(modulated_deform_conv2d, tensors, args)[0].sum().item()
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    child = context.Process(target=_child, args=(queue,), daemon=True)
    child.start()
    assert np.isclose(queue.get(timeout=60), expected)
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.parametrize(
    ('kernel', 'said'),
    [('numba', 'on cpu: numba'), ('mmcv', 'on cpu: mmcv'), ('fast', "got 'fast'")],
)
def test_a_kernel_can_be_forced(kernel, said):
    code = (
        'import logging, torch\n'
        'from hacdr.ops import modulated_deform_conv2d as op\n'
        'logger = logging.getLogger("hacdr"); logger.setLevel(logging.INFO)\n'
        'logger.addHandler(logging.StreamHandler())\n'
        'op(torch.ones(1, 1, 3, 3), torch.zeros(1, 2, 3, 3),'
        ' torch.ones(1, 1, 3, 3), torch.ones(1, 1, 1, 1))'
    )
    result = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        env=dict(os.environ, HACDR_MDCONV=kernel),
        capture_output=True,
        text=True,
    )
    assert said in result.stderr
