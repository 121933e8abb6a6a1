"""What every kernel promises: the same numbers, whatever it is handed.

A reference in float64, by plain tensor operations on the CPU, judges every kernel that
this machine can run.
"""

import copy
import math
import os

import pytest
import torch

from hacdr.compat import torch_version
from hacdr.models import fuse_for_inference
from hacdr.models.backbones import HACDR
from hacdr.models.decode_heads import AdaptiveAggregationHead
from hacdr.models.layers import MDConv
from hacdr.ops import find_obstacle, modulated_deform_conv2d_packed
from hacdr.ops import modulated_deform_conv2d as convolve
from hacdr.ops.geometry import Geometry
from hacdr.ops.torch_conv import modulated_deform_conv2d_torch

# channels, out channels, kernel, stride, padding, dilation, groups, deform groups.
# Few taps: Triton's interpreter takes a tenth of a second for each and each image.
# test_network has the sizes that the network has.
CASES = {
    'depthwise 3x3': (8, 8, (3, 3), 1, 1, 1, 8, 1),
    'depthwise 3x1': (20, 20, (3, 1), 1, (1, 0), 1, 20, 1),
    'depthwise, dilated': (6, 6, (3, 2), (2, 1), 2, (2, 1), 6, 1),
    'row, own offsets': (2, 6, (1, 3), 1, (0, 1), 1, 1, 2),
    'strided, two fields': (4, 4, (3, 1), 2, 1, 1, 1, 2),
    'groups': (8, 12, (1, 2), 1, 1, 1, 4, 2),
    'depthwise, own offsets': (4, 4, (2, 1), 1, 1, 1, 4, 4),
}
# A column in fifty of a wide map.
FAR = {
    'depthwise': (6, 6, (1, 2), (1, 50), 0, 1, 6, 1),
    'row, own offsets': (2, 6, (1, 3), (1, 50), 0, 1, 1, 2),
}
# Of the largest number. Half precision rounds what goes in and out, and samples.
TOLERANCE = {
    torch.float64: 1e-12,
    torch.float32: 1e-5,
    torch.bfloat16: 2e-2,
    torch.float16: 3e-3,
}
LAYOUTS = {
    'contiguous': lambda t: t.contiguous(),
    'channels-last': lambda t: t.contiguous(memory_format=torch.channels_last),
    # A part of something larger in every direction.
    'strided': lambda t: torch.nn.functional.pad(t, (1, 1, 1, 1, 1, 1))[
        :, 1:-1, 1:-1, 1:-1
    ],
}
# Every layout and every type, in pairs: Triton's interpreter takes seconds for each.
PAIRS = [
    ('contiguous', torch.bfloat16),
    ('channels-last', torch.float64),
    ('channels-last', torch.float16),
    ('strided', torch.float32),
    ('strided', torch.bfloat16),
]
COMBINATIONS = [
    *((name, 'contiguous', torch.float32) for name in CASES),
    *(
        (name, *pair)
        for name in ('depthwise 3x1', 'row, own offsets')
        for pair in PAIRS
    ),
]
KERNELS = [
    ('cpu', 'numba'),
    ('cpu', 'torch'),
    ('cpu', 'mmcv'),
    ('cpu', 'triton'),
    pytest.param(('cuda', 'torch'), marks=pytest.mark.gpu),
    pytest.param(('cuda', 'mmcv'), marks=pytest.mark.gpu),
    pytest.param(('cuda', 'triton'), marks=pytest.mark.gpu),
]


_patched = set()


def interpret(function, *args, **kwargs):
    """Call what a kernel calls, in Triton's interpreter.

    It patches ``triton.language`` before a kernel, and by itself in every such call
    again, which takes half of its time.
    """
    if function.fn not in _patched:
        from triton.runtime.interpreter import _patch_lang

        _patch_lang(function.fn)
        _patched.add(function.fn)
    return function.rewrite()(*args, **kwargs)


@pytest.fixture(params=KERNELS, ids=' '.join)
def device(request, monkeypatch):
    """Force each kernel on each device in turn; return the device."""
    device, kernel = request.param
    if device == 'cuda' and not torch.cuda.is_available():
        pytest.skip('no GPU')
    obstacle = find_obstacle(kernel, device)
    if obstacle:
        pytest.skip(f'{kernel}: {obstacle}')
    monkeypatch.setenv('HACDR_MDCONV', kernel)
    if kernel == 'triton':
        # So few channels are divided into blocks as many are.
        monkeypatch.setattr('hacdr.ops.triton_conv.CHANNELS', 16)
        if device == 'cpu':
            name = 'triton.runtime.interpreter.InterpretedFunction.__call__'
            monkeypatch.setattr(name, interpret)
    return device


@pytest.fixture(autouse=True)
def _products_in_float32():
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def make(case, dtype=torch.float64, batch=2, size=(4, 5)):
    """Return x, offset, mask, weight and bias, float64 but rounded to ``dtype``."""
    channels, out, kernel, stride, padding, dilation, groups, fields = case
    random = torch.Generator().manual_seed(0)

    def draw(*shape):
        return torch.randn(shape, generator=random, dtype=torch.float64)

    x, weight = draw(batch, channels, *size), draw(out, channels // groups, *kernel)
    size = torch.nn.functional.conv2d(
        x, weight, None, stride, padding, dilation, groups
    ).shape[2:]
    taps = kernel[0] * kernel[1]
    offset = 2 * draw(batch, 2 * fields * taps, *size)
    mask = draw(batch, fields * taps, *size).sigmoid()
    tensors = [x, offset, mask, weight, draw(out)]
    return [t.to(dtype).double() for t in tensors], (
        stride,
        padding,
        dilation,
        groups,
        fields,
    )


def run(function, tensors, args):
    """Return the result and the gradients, and what came out as it was."""
    leaves = [t.detach().requires_grad_() for t in tensors]
    out = function(*leaves, *args)
    random = torch.Generator().manual_seed(1)
    cotangent = torch.randn(out.shape, generator=random, dtype=torch.float64)
    cotangent = cotangent.to(torch.bfloat16).to(out)
    return [out, *torch.autograd.grad(out, leaves, cotangent)]


def reference(x, offset, mask, weight, bias, stride, padding, dilation, *groups):
    geometry = Geometry.of(stride, padding, dilation, *groups)
    return modulated_deform_conv2d_torch(x, offset, mask, weight, bias, geometry)


def packed_reference(x, packed, *others):
    split = packed.shape[1] // 3 * 2
    return reference(x, packed[:, :split], packed[:, split:].sigmoid(), *others)


def assert_close(ours, theirs, tolerance):
    for number, (a, b) in enumerate(zip(ours, theirs)):
        error = (a.detach().cpu().double() - b).abs().max() / b.abs().max()
        assert error <= tolerance, f'tensor {number}: {float(error):.1e}'


@pytest.mark.parametrize(('name', 'layout', 'dtype'), COMBINATIONS)
def test_same_numbers(device, name, layout, dtype):
    (x, offset, mask, *others), args = make(CASES[name], dtype)
    packed = torch.cat([offset, torch.logit(mask).to(dtype).double()], 1)
    tensors = [x, packed, *others]
    ours = [t.to(device, dtype) for t in tensors]
    ours = [LAYOUTS[layout](t) if t.dim() == 4 else t for t in ours]
    if layout == 'strided':
        ours[3] = torch.stack([ours[3]] * 2, 1)[:, 0]
    results = run(modulated_deform_conv2d_packed, ours, args)
    assert_close(results, run(packed_reference, tensors, args), TOLERANCE[dtype])
    assert all(result.dtype == dtype for result in results)


def test_image_by_image(device, monkeypatch):
    """Where the columns of a batch would take too much memory."""
    if os.environ['HACDR_MDCONV'] != 'triton':
        pytest.skip('only these kernels divide a batch')
    monkeypatch.setattr('hacdr.ops.triton_conv.COLUMN_BYTES', 1)
    test_same_numbers(device, 'row, own offsets', 'channels-last', torch.bfloat16)


@pytest.mark.parametrize('layout', ['contiguous', 'channels-last'])
def test_more_elements_than_positions(device, layout, monkeypatch):
    """Twenty channels, of which eight fit: parts of seven, seven and six."""
    if os.environ['HACDR_MDCONV'] != 'triton':
        pytest.skip('only these kernels count positions in 32 bits')
    monkeypatch.setattr('hacdr.ops.triton_conv.POSITIONS', 8 * 6 * 7 + 1)
    test_same_numbers(device, 'depthwise 3x1', layout, torch.float32)


def test_maps_beyond_any_position(device, monkeypatch):
    if os.environ['HACDR_MDCONV'] != 'triton':
        pytest.skip('only these kernels count positions in 32 bits')
    monkeypatch.setattr('hacdr.ops.triton_conv.POSITIONS', 6 * 8)
    with pytest.raises(ValueError, match=r'x of shape \(2, 2, 4, 5\) has more pixels'):
        test_same_numbers(device, 'row, own offsets', 'contiguous', torch.float32)


@pytest.mark.parametrize(
    ('name', 'layout'),
    [('depthwise 3x1', 'channels-last'), ('strided, two fields', 'strided')],
)
def test_offset_and_mask_apart(device, name, layout, monkeypatch):
    if os.environ['HACDR_MDCONV'] == 'triton' and device == 'cpu':
        # Several tiles of these few pixels, and one that is cut.
        monkeypatch.setattr('hacdr.ops.triton_conv.SIDE', 4)
        monkeypatch.setattr('hacdr.ops.triton_conv.TILE_PIXELS', 8)
    tensors, args = make(CASES[name])
    tensors[2] *= 3
    ours = [t.to(device, torch.float32) for t in tensors]
    ours = [LAYOUTS[layout](t) if t.dim() == 4 else t for t in ours]
    theirs = run(reference, tensors, args)
    assert_close(run(convolve, ours, args), theirs, TOLERANCE[torch.float32])


@pytest.mark.parametrize('x_dtype', [torch.bfloat16, torch.float32], ids=str)
@pytest.mark.parametrize('name', ['depthwise, dilated', 'row, own offsets'])
def test_mixed_types_under_autocast(device, name, x_dtype):
    """As in a network under autocast: half activations, weights in float32."""
    (x, offset, mask, *others), args = make(CASES[name], torch.bfloat16)
    ours = [t.to(device, torch.float32) for t in (x, offset, mask, *others)]
    ours[0] = ours[0].to(x_dtype)
    with torch.autocast(device, torch.bfloat16):
        results = run(convolve, ours, args)
    theirs = run(reference, [x, offset, mask, *others], args)
    assert_close(results, theirs, TOLERANCE[x_dtype])
    assert results[0].dtype == x_dtype
    assert [t.dtype for t in results[1:]] == [t.dtype for t in ours]


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize('name', FAR)
def test_coordinates_far_from_the_origin_keep_their_fraction(device, name, dtype):
    """Column 300.3 is none of half precision's numbers, which have steps of a quarter
    there."""
    (x, offset, mask, *others), args = make(FAR[name], dtype, 1, (1, 320))
    offset = torch.full_like(offset, 0.3).to(dtype).double()
    tensors = [x, offset, mask, *others]
    ours = [t.to(device, dtype) for t in tensors]
    theirs = run(reference, tensors, args)
    assert_close(run(convolve, ours, args), theirs, TOLERANCE[dtype])


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -1e30])
@pytest.mark.parametrize('name', ['depthwise, dilated', 'row, own offsets'])
def test_absurd_offsets_read_nothing(device, name, value):
    if os.environ['HACDR_MDCONV'] == 'mmcv' and math.isnan(value):
        pytest.skip("mmcv's operator makes NaN of NaN")
    (x, offset, mask, weight, bias), args = make(CASES[name])
    offset = torch.full_like(offset, value)
    ours = [t.to(device, torch.float32) for t in (x, offset, mask, weight, bias)]
    out, gx, goffset, *_ = run(convolve, ours, args)
    assert torch.allclose(out, ours[4].view(1, -1, 1, 1).expand_as(out))
    assert not gx.any()
    assert not goffset.any()


@pytest.mark.parametrize('shape', [(0, 6, 7), (1, 1, 1)], ids=['empty', 'one pixel'])
@pytest.mark.parametrize('name', ['depthwise, dilated', 'row, own offsets'])
def test_smallest_sizes(device, name, shape):
    batch, *size = shape
    tensors, args = make(CASES[name], batch=batch, size=size)
    ours = run(convolve, [t.to(device, torch.float32) for t in tensors], args)
    theirs = run(reference, tensors, args)
    assert [a.shape for a in ours] == [b.shape for b in theirs]
    if batch:
        assert_close(ours, theirs, TOLERANCE[torch.float32])
    else:
        assert not any(a.any() for a in ours)


@pytest.mark.parametrize('name', ['depthwise 3x1', 'groups', 'row, own offsets'])
def test_gradcheck(device, name):
    tensors, args = make(CASES[name], batch=1, size=(3, 4))
    tensors = [t.to(device).requires_grad_() for t in tensors]
    assert torch.autograd.gradcheck(
        lambda *t: convolve(*t, *args), tensors, fast_mode=True, nondet_tol=1e-12
    )


@pytest.mark.parametrize('name', ['depthwise, dilated', 'depthwise 3x1', 'groups'])
def test_deterministic_gradients(device, name):
    """Twice the same bits, and the same numbers, where torch is asked for that."""
    tensors, args = make(CASES[name])
    ours = [t.to(device, torch.float32) for t in tensors]
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        first, second = (run(convolve, ours, args) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(a, b) for a, b in zip(first, second))
    assert_close(first, run(reference, tensors, args), TOLERANCE[torch.float32])


def test_deterministic_gradients_show_what_is_not_finite(device):
    """A loss scaler must see it."""
    (x, offset, mask, weight, bias), args = make(CASES['depthwise, dilated'])
    weight[0] = float('inf')
    ours = [t.to(device, torch.float32) for t in (x, offset, mask, weight, bias)]
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        gradient = run(convolve, ours, args)[1]
    finally:
        torch.use_deterministic_algorithms(False)
    assert not gradient.isfinite().all()


@pytest.mark.parametrize('name', ['depthwise 3x1', 'row, own offsets'])
def test_torch_compile_keeps_one_graph(device, name):
    """Forward and backward; the other kernels are looked into by torch.compile."""
    if os.environ['HACDR_MDCONV'] != 'triton':
        pytest.skip('for the kernel that torch.compile does not look into')
    tensors, args = make(CASES[name], batch=1)
    ours = [t.to(device, torch.float32) for t in tensors]
    compiled = torch.compile(convolve, backend='aot_eager', fullgraph=True)
    assert_close(run(compiled, ours, args), run(reference, tensors, args), 1e-5)


@pytest.fixture(scope='module')
def network():
    """Every part of the network, small, offsets of some pixels."""
    torch.manual_seed(0)
    dims = (2, 4)
    network = torch.nn.Sequential(
        HACDR(
            embed_dims=dims,
            depths=(1, 1),
            ffn_ratios=(2, 2),
            ffn='mdconv',
            out_indices=(0, 1),
        ),
        AdaptiveAggregationHead(
            in_channels=dims, in_index=(0, 1), channels=4, num_classes=5
        ),
    )
    for part in network:
        part.init_weights()
    for module in network.modules():
        if isinstance(module, MDConv):
            torch.nn.init.normal_(module.conv_offset.bias, std=2)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return network.double().eval().requires_grad_(False)


@pytest.mark.parametrize(
    ('fused', 'layout', 'dtype'),
    [
        (False, 'contiguous', torch.float32),
        (False, 'channels-last', torch.float16),
        (True, 'contiguous', torch.bfloat16),
        (True, 'channels-last', torch.float32),
    ],
)
def test_network(device, network, fused, layout, dtype):
    if (device, dtype) == ('cpu', torch.float16) and torch_version() < (2, 3):
        pytest.skip('torch before 2.3 has no plain convolution in half on a CPU')
    x = torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(0)).double()
    with pytest.MonkeyPatch.context() as patch, torch.no_grad():
        patch.setenv('HACDR_MDCONV', 'torch')
        expected = network(x)
    model = fuse_for_inference(network) if fused else copy.deepcopy(network)
    model.to(device, dtype)
    with torch.no_grad():
        logits = model(LAYOUTS[layout](x.to(device, dtype)))
    # Layer after layer rounds.
    assert_close([logits], [expected], 10 * TOLERANCE[dtype])
