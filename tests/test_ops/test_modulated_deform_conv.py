import multiprocessing

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmcv.ops import modulated_deform_conv2d as mmcv_op

from hacdr.ops import (
    choose_kernel,
    modulated_deform_conv2d,
    modulated_deform_conv2d_packed,
    numba_conv,
    torch_conv,
)

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


@pytest.fixture(params=['numba', 'torch'])
def kernel(request, monkeypatch):
    """Force each of our kernels in turn, divided as large pictures divide it."""
    monkeypatch.setenv('HACDR_MDCONV', request.param)
    monkeypatch.setattr(numba_conv, 'SAMPLES_PER_THREAD', 1)
    monkeypatch.setattr(torch_conv, 'CHUNK_BYTES', 1 << 14)
    return request.param


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
    (out * torch.randn(out.shape, dtype=out.dtype)).sum().backward()
    return [out.detach()] + [t.grad for t in tensors]


def assert_equal(ours, theirs, tolerance=1e-5):
    for name, a, b in zip(
        ('out', 'x', 'offset', 'mask', 'weight', 'bias'), ours, theirs
    ):
        error = (a - b).abs().max() / b.abs().max().clamp(min=1e-12)
        assert error <= tolerance, f'{name}: {float(error):.1e}'


@pytest.mark.mmcv_operators
@pytest.mark.parametrize('offsets', OFFSETS)
@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_equals_mmcv(kernel, case, offsets):
    tensors, args = make(case, offsets)
    assert_equal(
        run(modulated_deform_conv2d, tensors, args), run(mmcv_op, tensors, args)
    )


@pytest.mark.mmcv_operators
@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_batch_of_three_of_another_size(kernel, case):
    tensors, args = make(case, batch=3, size=(9, 7))
    assert_equal(
        run(modulated_deform_conv2d, tensors, args), run(mmcv_op, tensors, args)
    )


@pytest.mark.mmcv_operators
@pytest.mark.parametrize('name', ['depthwise 5x5', 'strided, two fields'])
def test_offsets_that_end_exactly_on_the_border(kernel, name):
    (x, offset, *rest), args = make(CASES[name], 'zero')
    for distance in (-13.0, -1.0, 1.0, 13.0, 18.0):
        tensors = [x, torch.full_like(offset, distance), *rest]
        assert_equal(
            run(modulated_deform_conv2d, tensors, args), run(mmcv_op, tensors, args)
        )


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_memory_layouts(kernel, name):
    tensors, args = make(CASES[name], batch=2)
    expected = run(modulated_deform_conv2d, tensors, args)
    last = [t.contiguous(memory_format=torch.channels_last) for t in tensors[:4]]
    strided = [torch.cat([t, t], 1)[:, : t.shape[1]] for t in tensors[:3]]
    for changed in (last, strided):
        changed = changed + tensors[len(changed) :]
        assert_equal(run(modulated_deform_conv2d, changed, args), expected)


@pytest.mark.parametrize('name', ['depthwise 5x5', 'row, own offsets'])
def test_the_memory_layout_follows_the_input(name):
    tensors, args = make(CASES[name])
    assert modulated_deform_conv2d(*tensors, *args).is_contiguous()
    tensors[0] = tensors[0].contiguous(memory_format=torch.channels_last)
    out = modulated_deform_conv2d(*tensors, *args)
    assert out.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_sums_in_place_on_the_result_of_one_pixel(layout):
    (x, *others), args = make(CASES['depthwise 5x5'], size=(1, 1))
    x.requires_grad_()
    out = modulated_deform_conv2d(x.to(memory_format=layout), *others, *args)
    out += 1
    out.sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_no_bias(kernel, name):
    (x, offset, mask, weight, bias), args = make(CASES[name])
    without = modulated_deform_conv2d(x, offset, mask, weight, None, *args)
    zero = modulated_deform_conv2d(x, offset, mask, weight, bias * 0, *args)
    assert torch.equal(without, zero)


@pytest.mark.parametrize('name', ['depthwise 1x7', 'groups', 'row, own offsets'])
def test_gradcheck(kernel, name):
    tensors, args = make(CASES[name], size=(5, 6), dtype=torch.float64)
    tensors = [t.requires_grad_() for t in tensors]
    assert torch.autograd.gradcheck(
        lambda *t: modulated_deform_conv2d(*t, *args), tensors, fast_mode=True
    )


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf'), 1e30])
def test_absurd_offsets_read_nothing(kernel, name, value):
    (x, offset, mask, weight, bias), args = make(CASES[name])
    tensors = [x, torch.full_like(offset, value), mask, weight, bias]
    out, gx, goffset, *_ = run(modulated_deform_conv2d, tensors, args)
    assert torch.allclose(out, bias.view(1, -1, 1, 1).expand_as(out))
    assert not gx.any()
    assert not goffset.any()


@pytest.mark.mmcv_operators
@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_packed(kernel, case):
    (x, offset, mask, *rest), args = make(case, batch=2)
    packed = torch.cat([offset, torch.logit(mask, 1e-3)], 1)
    split = offset.shape[1]

    def separate(x, packed, *rest):
        mask = packed[:, split:].sigmoid()
        return mmcv_op(x, packed[:, :split].contiguous(), mask, *rest)

    assert_equal(
        run(modulated_deform_conv2d_packed, [x, packed, *rest], args),
        run(separate, [x, packed, *rest], args),
    )


@pytest.mark.mmcv_operators
@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    kh=st.integers(1, 4),
    kw=st.integers(1, 4),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    size=st.tuples(st.integers(7, 12), st.integers(7, 12)),
    offsets=st.sampled_from(sorted(OFFSETS)),
    batch=st.integers(1, 2),
)
@pytest.mark.parametrize('name', ['numba', 'torch'])
def test_any_geometry_equals_mmcv(name, data, kh, kw, offsets, batch, size, **args):
    channels = data.draw(st.sampled_from([1, 4, 6]))
    divisors = [n for n in range(1, channels + 1) if channels % n == 0]
    groups = data.draw(st.sampled_from(divisors))
    out = groups * data.draw(st.integers(1, 3))
    fields = data.draw(st.sampled_from(divisors))
    case = (channels, out, (kh, kw), *args.values(), groups, fields)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('HACDR_MDCONV', name)
        patch.setattr(numba_conv, 'SAMPLES_PER_THREAD', 1)
        tensors, args = make(case, offsets, batch, size)
        # In float32 a gradient of two samples that cancel out is rounding alone.
        tensors = [tensor.double() for tensor in tensors]
        ours = run(modulated_deform_conv2d, tensors, args)
    assert_equal(ours, run(mmcv_op, tensors, args), tolerance=1e-10)


@pytest.mark.parametrize('threads', [1, 2, 3, 16])
@pytest.mark.parametrize('case', CASES.values(), ids=CASES)
def test_any_number_of_threads(case, threads, monkeypatch):
    monkeypatch.setattr(numba_conv, 'SAMPLES_PER_THREAD', 1)
    tensors, args = make(case)
    expected = run(modulated_deform_conv2d, tensors, args)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert_equal(run(modulated_deform_conv2d, tensors, args), expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize('name', ['depthwise 5x5', 'row, own offsets'])
def test_nothing_of_taps_by_channels_by_pixels_is_kept(name):
    tensors, args = make(CASES[name], size=(40, 40))
    x, offset, mask, weight, bias = [t.requires_grad_() for t in tensors]
    packed = torch.cat([offset, mask], 1).detach().requires_grad_()
    known = {t.data_ptr() for t in (x, packed, weight, bias)}
    kept = []

    def pack(tensor):
        if tensor.data_ptr() not in known:
            kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        modulated_deform_conv2d_packed(x, packed, weight, bias, *args)
    assert not kept


@pytest.mark.parametrize('name', ['depthwise 5x5', 'row, own offsets', 'groups'])
def test_trace(name, tmp_path):
    tensors, args = make(CASES[name], batch=2)

    class Layer(torch.nn.Module):
        def forward(self, *tensors):
            return modulated_deform_conv2d(*tensors, *args)

    traced = torch.jit.trace(Layer(), tensors)
    torch.jit.save(traced, str(tmp_path / 'layer.pt'))
    loaded = torch.jit.load(str(tmp_path / 'layer.pt'))
    tensors[0] = tensors[0] * 2 - 1
    expected = modulated_deform_conv2d(*tensors, *args)
    assert torch.allclose(loaded(*tensors), expected, atol=1e-5)


@pytest.mark.parametrize('name', ['depthwise 5x5', 'row, own offsets'])
def test_autocast(kernel, name):
    (x, offset, mask, *rest), args = make(CASES[name])
    tensors = [t.requires_grad_() for t in (x, offset, mask, *rest)]
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = modulated_deform_conv2d(x.bfloat16(), *tensors[1:], *args)
        out.float().sum().backward()
    exact = modulated_deform_conv2d(x.bfloat16().float(), *tensors[1:], *args)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, exact.bfloat16())
    assert all(t.grad.dtype == torch.float32 for t in tensors[1:])


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_bfloat16_has_coordinates_in_float32(kernel, name):
    tensors, args = make(CASES[name], dtype=torch.bfloat16)
    out = modulated_deform_conv2d(*tensors, *args)
    exact = modulated_deform_conv2d(*[t.float() for t in tensors], *args)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out, exact.bfloat16())


@pytest.mark.parametrize('name', ['depthwise 5x5', 'groups'])
def test_empty_batch(kernel, name):
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
    [
        ('numba', 'on cpu: numba'),
        ('torch', 'on cpu: torch'),
        pytest.param('mmcv', 'on cpu: mmcv', marks=pytest.mark.mmcv_operators),
        ('fast', "got 'fast'"),
    ],
)
def test_a_kernel_can_be_forced(kernel, said, run_code):
    code = (
        'import logging, torch\n'
        'from hacdr.ops import modulated_deform_conv2d as op\n'
        'logger = logging.getLogger("hacdr"); logger.setLevel(logging.INFO)\n'
        'logger.addHandler(logging.StreamHandler())\n'
        'op(torch.ones(1, 1, 3, 3), torch.zeros(1, 2, 3, 3),'
        ' torch.ones(1, 1, 3, 3), torch.ones(1, 1, 1, 1))'
    )
    assert said in run_code(code, HACDR_MDCONV=kernel).stderr


@pytest.mark.parametrize(
    ('device', 'depthwise', 'missing', 'kernel'),
    [
        ('cpu', False, [], 'numba'),
        ('cpu', True, ['numba'], 'torch'),
        ('cuda', False, [], 'triton'),
        ('cuda', True, [], 'triton'),
        ('cuda', False, ['triton'], 'mmcv'),
        ('cuda', True, ['triton'], 'torch'),
        ('cuda', False, ['triton', 'mmcv'], 'torch'),
        ('xpu', False, [], 'torch'),
    ],
)
def test_default_kernels(device, depthwise, missing, kernel, monkeypatch):
    monkeypatch.delenv('HACDR_MDCONV', raising=False)
    monkeypatch.setattr(
        'hacdr.ops.choice.find_obstacle',
        lambda kernel, device: 'missing' if kernel in missing else None,
    )
    assert choose_kernel(device, depthwise) == kernel


@pytest.mark.parametrize(
    ('kernel', 'device', 'said'),
    [
        ('numba', 'cuda', 'runs on the CPU only, got a cuda tensor'),
        ('triton', 'xpu', 'got a xpu tensor'),
        ('mmcv', 'xpu', 'got a xpu tensor'),
        ('fast', 'cpu', "must be one of .*, got 'fast'"),
    ],
)
def test_a_forced_kernel_that_cannot_run_says_why(kernel, device, said, monkeypatch):
    monkeypatch.setenv('HACDR_MDCONV', kernel)
    with pytest.raises(ValueError, match=said):
        choose_kernel(device)


def test_without_numba_the_cpu_uses_plain_tensor_operations(run_code):
    code = (
        'import sys; sys.modules["numba"] = None\n'
        'from hacdr.ops import choose_kernel\n'
        'print(choose_kernel("cpu"), choose_kernel("cpu", True))\n'
        'import numpy as np\n'
        'from hacdr.preprocess.maps import reduce_labels\n'
        'try:\n'
        '    reduce_labels(np.zeros((8, 8), np.uint8), (4, 4))\n'
        'except Exception as error:\n'
        '    print(error)\n'
    )
    result = run_code(code)
    assert result.returncode == 0, result.stderr
    chosen, error = result.stdout.splitlines()
    assert chosen == 'torch torch'
    assert error.startswith('hacdr.preprocess.kernels needs numba')
