"""Modulated deformable convolution on GPUs: autograd and launches around the kernels.

Nothing of the size of taps x channels x pixels is kept for backward: samples and masks
are computed again there. Offsets and masks are read as they lie and in their own type;
coordinates and sums are float32, or float64 for x of float64.
"""

import functools
import math
from typing import List, Optional

import torch
import triton
import triton.language as tl
from torch.autograd.function import once_differentiable

from . import triton_kernels as kernels
from .geometry import Geometry
from .layout import is_channels_last
from .precision import compute_dtype, without_autocast

# Pixels of a program of sample_columns.
SAMPLED_PIXELS = 512
# Pixels of a program of columns_backward. It writes columns where it reads them: each
# of the 128 threads of four warps needs a pixel of its own.
BACKWARD_PIXELS = 128
# Length of the square of pixels of a program of depthwise_forward. The samples of a
# square read mostly the same pixels.
SIDE = 8
# Pixels of a tile of depthwise_backward. They lie in a row, as the gradients it writes.
TILE_PIXELS = 32
# Channels of a program of both depthwise kernels.
CHANNELS = 32
# Programs of depthwise_backward that keep a GPU busy. Each adds a row to the gradient
# of the weights, so more of them cost memory.
PROGRAMS = 4096
# Kernels count positions inside an image, with its frame, in 32 bits.
POSITIONS = 1 << 31
# Bytes of the columns that are held at once.
COLUMN_BYTES = 1 << 28


def modulated_deform_conv2d_triton(
    x: torch.Tensor,
    fields: torch.Tensor,
    weight: torch.Tensor,
    bias: Optional[torch.Tensor],
    geometry: Geometry,
    sigmoid: bool,
) -> torch.Tensor:
    """As :func:`hacdr.ops.modulated_deform_conv2d`, for checked tensors on a GPU.

    Args:
        x, weight, bias: as there, each of any floating type and layout.
        fields (Tensor): (B, 3 * deform_groups * K, Ho, Wo), offsets and then masks.
        geometry (Geometry): of the convolution.
        sigmoid (bool): masks are given before their sigmoid.

    Returns:
        Tensor: (B, Cout, Ho, Wo), of the type of ``x``; channels-last where x is.

    Raises:
        ValueError: maps of 2**31 pixels or more.
    """
    if (x.shape[2] + 2) * (x.shape[3] + 3) >= POSITIONS:
        raise ValueError(
            f'x of shape {tuple(x.shape)} has more pixels than the kernels count, '
            'expected less than 2**31; HACDR_MDCONV=torch takes plain operations'
        )
    if torch.compiler.is_compiling():
        return _operator(x, fields, weight, bias, geometry.to_list(), sigmoid)
    # The operator's way through torch's dispatcher takes longer than a small launch.
    return _MDConv.apply(x, fields, weight, bias, geometry, sigmoid)


class _MDConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *inputs):
        _save(ctx, inputs, None)
        return _forward(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        return _differentiate(ctx, grad, _backward)


def _save(ctx, inputs, output):
    x, fields, weight, bias, ctx.geometry, ctx.sigmoid = inputs
    ctx.save_for_backward(x, fields, weight)
    ctx.bias_type = None if bias is None else bias.dtype


def _differentiate(ctx, grad, backward):
    *gradients, gbias = backward(grad, *ctx.saved_tensors, ctx.geometry, ctx.sigmoid)
    gbias = None if ctx.bias_type is None else gbias.to(ctx.bias_type)
    return (*gradients, gbias, None, None)


def _on_its_device(function):
    """Run on the GPU of the first argument, its matrix products in their own type."""

    @functools.wraps(function)
    def wrapper(x, *args):
        with torch.cuda.device_of(x), without_autocast(x):
            return function(x, *args)

    return wrapper


@_on_its_device
def _forward(x, fields, weight, bias, geometry, sigmoid):
    out = _empty_output(x, fields, weight)
    if out.numel() == 0:
        return out
    if geometry.is_depthwise(x, weight):
        _depthwise_forward(x, _dense(fields), weight, bias, geometry, sigmoid, out)
        return out
    _general_forward(
        x.contiguous(), fields.contiguous(), weight, geometry, sigmoid, out
    )
    if bias is not None:
        out += bias.to(out.dtype).view(-1, 1, 1)
    return out


@_on_its_device
def _backward(grad, x, fields, weight, geometry, sigmoid):
    """Return the gradients of x, fields, weight and bias."""
    if grad.numel() == 0:
        gradients = [torch.zeros_like(t) for t in (x, fields, weight)]
        return [*gradients, weight.new_zeros(len(weight), dtype=compute_dtype(x))]
    if geometry.is_depthwise(x, weight):
        return _depthwise_backward(
            grad, _dense(x), _dense(fields), weight, geometry, sigmoid
        )
    gradients = _general_backward(
        grad.contiguous(),
        x.contiguous(),
        fields.contiguous(),
        weight,
        geometry,
        sigmoid,
    )
    gradients[0] = gradients[0].contiguous(memory_format=_layout(x))
    return gradients


def _depthwise_forward(x, fields, weight, bias, geometry, sigmoid, out):
    parts = _channel_parts(x)
    if len(parts) > 1:
        for part in parts:
            shift = None if bias is None else bias[part]
            one = _empty_output(x[:, part], fields, weight[part])
            _depthwise_forward(
                x[:, part], fields, weight[part], shift, geometry, sigmoid, one
            )
            out[:, part] = one
        return
    channels = x.shape[1]
    block = _block(x)
    tiles = triton.cdiv(out.shape[2], SIDE) * triton.cdiv(out.shape[3], SIDE)
    programs = tiles * triton.cdiv(channels, block) * len(x)
    kernels.depthwise_forward[(programs,)](
        _frame(x),
        fields,
        weight.contiguous(),
        None if bias is None else bias.contiguous(),
        out,
        *x.shape[2:],
        out.shape[3],
        out.shape[2] * out.shape[3],
        *_steps(fields),
        *_steps(out),
        C=channels,
        **_constants(x, weight, geometry, sigmoid),
        SIDE=SIDE,
        CHANNELS=block,
        WHOLE=channels % block == 0,
        num_warps=2,
    )


def _depthwise_backward(grad, x, fields, weight, geometry, sigmoid):
    parts = _channel_parts(x)
    if len(parts) > 1:
        gx, gfields, *others = zip(
            *(
                _depthwise_backward(
                    grad[:, part],
                    x[:, part].contiguous(),
                    fields,
                    weight[part],
                    geometry,
                    sigmoid,
                )
                for part in parts
            )
        )
        gx = torch.cat(gx, 1).contiguous(memory_format=_layout(x))
        return [gx, sum(gfields), *map(torch.cat, others)]
    batch, channels = x.shape[:2]
    count = grad.shape[2] * grad.shape[3]
    taps = weight.shape[2] * weight.shape[3]
    block = _block(x)
    blocks = triton.cdiv(channels, block)
    tiles = triton.cdiv(count, TILE_PIXELS)
    together = 16 if tiles * taps * blocks * batch >= 16 * PROGRAMS else min(2, tiles)
    chunks = triton.cdiv(tiles, together)
    framed = _frame(x)
    sums, scale = _start_sum(
        framed.shape, x, (grad, weight, *_masks(fields, sigmoid)), taps * count
    )
    # The offsets' gradients are sums over channels, of which each block has a part.
    parts = gfields = torch.empty_like(fields)
    if blocks > 1:
        parts = torch.empty_strided(
            (blocks, *fields.shape),
            (fields.numel(), *fields.stride()),
            dtype=compute_dtype(x),
            device=x.device,
        )
    rows = torch.empty(
        batch * chunks, taps, channels, dtype=compute_dtype(x), device=x.device
    )
    kernels.depthwise_backward[(chunks * taps * blocks * batch,)](
        framed,
        fields,
        weight.contiguous(),
        grad.contiguous(memory_format=torch.channels_last),
        sums,
        parts,
        rows,
        scale,
        *x.shape[2:],
        grad.shape[3],
        count,
        *_steps(fields),
        fields.numel(),
        C=channels,
        **_constants(x, weight, geometry, sigmoid),
        PIXELS=TILE_PIXELS,
        CHANNELS=block,
        WHOLE=channels % block == 0,
        TILES=together,
    )
    if blocks > 1:
        gfields.copy_(parts.sum(0))
    gweight = rows.sum(0).t().to(weight.dtype).contiguous().view(weight.shape)
    gx = _end_sum(sums[:, 1:-1, 1:-1].permute(0, 3, 1, 2), scale, x)
    return [gx, gfields, gweight, grad.sum((0, 2, 3), dtype=compute_dtype(x))]


def _general_forward(x, fields, weight, geometry, sigmoid, out):
    matrices = _as_matrices(weight, geometry).to(x.dtype)
    for images in _parts(x, fields, weight):
        columns = _sample(x[images], fields[images], weight, geometry, sigmoid)
        shape = len(columns), *matrices.shape[:2], columns.shape[3]
        if out.is_contiguous():
            torch.matmul(matrices, columns, out=out[images].view(shape))
        else:
            out[images] = (matrices @ columns).view(out[images].shape)


def _general_backward(grad, x, fields, weight, geometry, sigmoid):
    matrices = _as_matrices(weight, geometry).to(x.dtype)
    groups, rows = matrices.shape[:2]
    taps = weight.shape[2] * weight.shape[3]
    count = grad.shape[2] * grad.shape[3]
    width = x.shape[3]
    gfields = torch.empty_like(fields)
    gmatrices, gx = 0, []
    for images in _parts(x, fields, weight):
        g = grad[images].view(-1, groups, rows, count)
        columns = matrices.transpose(1, 2) @ g
        sums, scale = _start_sum(
            (2, *x[images].shape[:3], (width + 3) // 2 * 2),
            x,
            (columns, *_masks(fields, sigmoid)),
            taps * count,
        )
        kernels.columns_backward[_programs(fields[images], geometry, BACKWARD_PIXELS)](
            x[images],
            fields[images],
            columns,
            sums,
            gfields[images],
            scale,
            *_sizes(x, fields, geometry),
            sums[0].numel(),
            **_constants(x, weight, geometry, sigmoid),
            PIXELS=BACKWARD_PIXELS,
            CHANNELS=x.shape[1] // geometry.deform_groups,
        )
        both = sums[0, ..., :width] + sums[1, ..., 1 : width + 1]
        gx.append(_end_sum(both, scale, x[images]))
        gmatrices = gmatrices + _multiply_over_pixels(g, columns)
    gx = gx[0] if len(gx) == 1 else torch.cat(gx)
    gbias = grad.sum((0, 2, 3), dtype=compute_dtype(x))
    return [gx, gfields, gmatrices.view(weight.shape).to(weight.dtype), gbias]


def _sample(x, fields, weight, geometry, sigmoid):
    """Return the columns, (B, groups, C / groups * K, N), of the type of x."""
    taps = weight.shape[2] * weight.shape[3]
    count = fields.shape[2] * fields.shape[3]
    columns = x.new_empty(
        len(x), geometry.groups, x.shape[1] // geometry.groups * taps, count
    )
    kernels.sample_columns[_programs(fields, geometry, SAMPLED_PIXELS)](
        x,
        fields,
        columns,
        *_sizes(x, fields, geometry),
        **_constants(x, weight, geometry, sigmoid),
        PIXELS=SAMPLED_PIXELS,
        CHANNELS=x.shape[1] // geometry.deform_groups,
    )
    return columns


def _multiply_over_pixels(a, b):
    """Return the sum over images of ``a @ b.transpose``, in ``compute_dtype``.

    Args:
        a, b (Tensor): (B, groups, rows, N), rows of each its own.

    A product of few rows over many pixels keeps few multiprocessors busy: of large
    images it is a sum of products over parts of the pixels.
    """
    count = a.shape[3]
    parts = math.gcd(count, 64) if count >= 1 << 13 else 1
    dtype = compute_dtype(a)
    if parts == 1:
        return (a @ b.transpose(2, 3)).sum(0, dtype=dtype)
    a, b = (t.unflatten(3, (parts, count // parts)).transpose(2, 3) for t in (a, b))
    products = [one @ other.transpose(2, 3) for one, other in zip(a, b)]
    return sum(product.sum(1, dtype=dtype) for product in products)


def _as_matrices(weight, geometry):
    """Return the kernels of each group, (groups, Cout / groups, C / groups * K)."""
    return weight.reshape(geometry.groups, len(weight) // geometry.groups, -1)


def _channel_parts(x):
    """Return slices of channels of which each image has at most ``POSITIONS``."""
    channels = x.shape[1]
    fitting = max(1, (POSITIONS - 1) // ((x.shape[2] + 2) * (x.shape[3] + 2)))
    # As many channels in each part as in the others.
    step = triton.cdiv(channels, triton.cdiv(channels, fitting))
    return [slice(first, first + step) for first in range(0, channels, step)]


def _parts(x, fields, weight):
    """Yield slices of images whose columns fit into ``COLUMN_BYTES``."""
    taps = weight.shape[2] * weight.shape[3]
    size = x.shape[1] * taps * fields.shape[2] * fields.shape[3] * x.element_size()
    step = max(1, COLUMN_BYTES // size)
    for first in range(0, len(x), step):
        yield slice(first, first + step)


def _programs(fields, geometry, pixels):
    """Return how many programs sample: one for each tile, tap, field and image."""
    tiles = triton.cdiv(fields.shape[2] * fields.shape[3], pixels)
    return (tiles * fields.shape[0] * (fields.shape[1] // 3),)


def _sizes(x, fields, geometry):
    count = fields.shape[2] * fields.shape[3]
    return x.shape[1], geometry.deform_groups, *x.shape[2:], fields.shape[3], count


def _constants(x, weight, geometry, sigmoid):
    """Return what is compiled into a kernel."""
    names = 'SY', 'SX', 'PY', 'PX', 'DY', 'DX'
    return dict(
        zip(names, geometry.to_list()),
        KH=weight.shape[2],
        KW=weight.shape[3],
        SIGMOID=sigmoid,
        REAL=tl.float64 if x.dtype == torch.float64 else tl.float32,
    )


def _block(x):
    """Return the channels of a program of the depthwise kernels.

    Triton 3.6 fails to compile blocks of 16 channels of float64.
    """
    channels = triton.next_power_of_2(x.shape[1])
    if x.dtype == torch.float64:
        return max(32, CHANNELS)
    return min(CHANNELS, max(16, channels))


def _frame(x):
    """Return ``x`` pixel by pixel in a frame of zeros, (B, H + 2, W + 2, C)."""
    batch, channels, height, width = x.shape
    framed = x.new_zeros(batch, height + 2, width + 2, channels)
    framed[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
    return framed


def _layout(x):
    return torch.channels_last if is_channels_last(x) else torch.contiguous_format


def _dense(x):
    """Return ``x`` plane by plane or, if it lies so, pixel by pixel."""
    return x if is_channels_last(x) else x.contiguous()


def _steps(x):
    """Return the distances of two channels and of two pixels of a dense tensor."""
    return (1, x.shape[1]) if is_channels_last(x) else (x.shape[2] * x.shape[3], 1)


def _masks(fields, sigmoid):
    """Return the masks where they may be larger than 1."""
    return () if sigmoid else (fields[:, fields.shape[1] // 3 * 2 :],)


def _start_sum(shape, x, factors, terms):
    """Return zeros to add the gradient of x to, and the scale of its terms.

    Sums of floating numbers depend on the order, which is another one each time. Where
    torch is asked for the same results each time, they are sums of integers: the scale
    makes as large ones of the terms as cannot overflow.

    Args:
        shape (tuple[int]): of the zeros.
        x (Tensor): tells type and device.
        factors (tuple[Tensor]): no term is larger than the product of their largest.
        terms (int): how many add up at most.

    Returns:
        tuple: the zeros and None or the scale, a tensor of
        one float64. It is NaN where a factor is not finite, and so is the sum then.
    """
    if not (
        torch.are_deterministic_algorithms_enabled()
        or torch.backends.cudnn.deterministic
    ):
        return x.new_zeros(shape, dtype=compute_dtype(x)), None
    largest = math.prod(factor.abs().amax().double() for factor in factors)
    exponent = torch.frexp(largest).exponent
    bits = 62 - math.ceil(math.log2(terms))
    scale = torch.ldexp(torch.ones_like(largest), bits - exponent)
    scale = torch.where(largest.isfinite(), scale, torch.full_like(scale, math.nan))
    return x.new_zeros(shape, dtype=torch.int64), scale


def _end_sum(sums, scale, x):
    """Return a finished sum of :func:`_start_sum` as a gradient of x."""
    if scale is not None:
        sums = sums / scale
    if sums.dtype == x.dtype and sums.is_contiguous(memory_format=_layout(x)):
        return sums
    return torch.empty_like(x, memory_format=_layout(x)).copy_(sums)


def _empty_output(x, fields, weight):
    size = (x.shape[0], weight.shape[0], *fields.shape[2:])
    return torch.empty(size, dtype=x.dtype, device=x.device, memory_format=_layout(x))


# The same for torch.compile, which looks into no kernel: its shapes and its gradient.
@torch.library.custom_op('hacdr::modulated_deform_conv2d', mutates_args=())
def _operator(
    x: torch.Tensor,
    fields: torch.Tensor,
    weight: torch.Tensor,
    bias: Optional[torch.Tensor],
    numbers: List[int],
    sigmoid: bool,
) -> torch.Tensor:
    geometry = Geometry.from_list(numbers)
    return _forward(x, fields, weight, bias, geometry, sigmoid)


@torch.library.custom_op('hacdr::modulated_deform_conv2d_backward', mutates_args=())
def _backward_operator(
    grad: torch.Tensor,
    x: torch.Tensor,
    fields: torch.Tensor,
    weight: torch.Tensor,
    numbers: List[int],
    sigmoid: bool,
) -> List[torch.Tensor]:
    geometry = Geometry.from_list(numbers)
    return _backward(grad, x, fields, weight, geometry, sigmoid)


@_operator.register_fake
def _(x, fields, weight, bias, numbers, sigmoid):
    return _empty_output(x, fields, weight)


@_backward_operator.register_fake
def _(grad, x, fields, weight, numbers, sigmoid):
    gradients = [torch.empty_like(_dense(x)), torch.empty_like(_dense(fields))]
    if not Geometry.from_list(numbers).is_depthwise(x, weight):
        gradients[1] = gradients[1].contiguous()
    gradients.append(torch.empty_like(weight, memory_format=torch.contiguous_format))
    return [*gradients, weight.new_empty(len(weight), dtype=compute_dtype(x))]


_operator.register_autograd(
    functools.partial(_differentiate, backward=_backward_operator), setup_context=_save
)
