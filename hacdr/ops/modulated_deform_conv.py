"""Modulated deformable convolution (DCNv2, arXiv:1811.11168), fast on a CPU."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch
from torch.autograd.function import once_differentiable
from torch.nn.modules.utils import _pair

from . import cpu_kernels as kernels

logger = logging.getLogger('hacdr')


def modulated_deform_conv2d(
    x,
    offset,
    mask,
    weight,
    bias=None,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    deform_groups=1,
):
    """Convolve samples taken at learned places; arguments and result as mmcv's op.

    On the CPU numba kernels compute it, elsewhere mmcv's compiled operator; the
    environment variable ``HACDR_MDCONV=numba|mmcv`` forces one of them.

    Args:
        x (Tensor): (B, C, H, W).
        offset (Tensor): (B, 2 * deform_groups * K, Ho, Wo), in pixels, y and x of each
            of the K taps in turn, group by group.
        mask (Tensor): (B, deform_groups * K, Ho, Wo), factor of each sample.
        weight (Tensor): (Cout, C / groups, kh, kw); K = kh * kw.
        bias (Tensor, optional): (Cout,).
        stride, padding, dilation (int | tuple[int]): as in ``nn.Conv2d``.
        groups (int): as in ``nn.Conv2d``.
        deform_groups (int): groups of channels with offsets of their own.

    Returns:
        Tensor: (B, Cout, Ho, Wo).

    Raises:
        ValueError: shapes that do not fit each other.
    """
    geometry = (_pair(stride), _pair(padding), _pair(dilation))
    _check(x, offset, mask, weight, bias, *geometry, groups, deform_groups)
    kernel = _kernel(x.device.type)
    if kernel == 'mmcv':
        from mmcv.ops import modulated_deform_conv2d as mmcv_op

        return mmcv_op(
            x, offset, mask, weight, bias, *geometry, groups, deform_groups
        ).to(x.dtype)
    tensors = [x, offset, mask, weight]
    # Half precision is too coarse for coordinates: it is computed in float32.
    kind = torch.promote_types(x.dtype, torch.float32)
    tensors = [tensor.to(kind) for tensor in tensors]
    bias = x.new_zeros(weight.shape[0], dtype=kind) if bias is None else bias.to(kind)
    depthwise = groups == x.shape[1] == weight.shape[0] and deform_groups == 1
    if depthwise:
        out = _Depthwise.apply(*tensors, bias, geometry)
    else:
        out = _General.apply(*tensors, bias, geometry, groups, deform_groups)
    return out.to(x.dtype)


def modulated_deform_conv2d_packed(x, packed, weight, bias=None, *args, **kwargs):
    """Convolve with offsets and mask as they come out of one convolution.

    Args:
        x (Tensor): (B, C, H, W).
        packed (Tensor): (B, 3 * deform_groups * K, Ho, Wo): two thirds offsets, then
            the mask before its sigmoid.
        weight (Tensor): (Cout, C / groups, kh, kw).
        bias (Tensor, optional): (Cout,).
        *args, **kwargs: stride, padding, dilation, groups and deform_groups of
            :func:`modulated_deform_conv2d`.

    Returns:
        Tensor: (B, Cout, Ho, Wo).
    """
    split = packed.shape[1] // 3 * 2
    offset, mask = packed[:, :split], packed[:, split:].sigmoid()
    return modulated_deform_conv2d(x, offset, mask, weight, bias, *args, **kwargs)


def _check(
    x, offset, mask, weight, bias, stride, padding, dilation, groups, deform_groups
):
    for name, tensor in (('x', x), ('weight', weight)):
        if tensor.dim() != 4:
            raise ValueError(
                f'{name} must have four dimensions, got shape {tuple(tensor.shape)}'
            )
    batch, channels, height, width = x.shape
    out_channels, _, *kernel = weight.shape
    if channels % groups or out_channels % groups or channels % deform_groups:
        raise ValueError(
            f'groups={groups} must divide the {channels} channels of x and the '
            f'{out_channels} of the output, deform_groups={deform_groups} those of x'
        )
    size = [
        (length + 2 * p - d * (k - 1) - 1) // s + 1
        for length, k, s, p, d in zip(
            (height, width), kernel, stride, padding, dilation
        )
    ]
    if min(size) < 1:
        raise ValueError(
            f'x of shape {tuple(x.shape)} is smaller than the kernel, {tuple(kernel)}'
        )
    fields = deform_groups * kernel[0] * kernel[1]
    expected = {
        'weight': (weight, (out_channels, channels // groups, *kernel)),
        'offset': (offset, (batch, 2 * fields, *size)),
        'mask': (mask, (batch, fields, *size)),
    }
    if bias is not None:
        expected['bias'] = (bias, (out_channels,))
    for name, (tensor, shape) in expected.items():
        if tensor.shape != shape:
            raise ValueError(
                f'{name} must have shape {shape} for x of shape {tuple(x.shape)}, got '
                f'{tuple(tensor.shape)}'
            )


@lru_cache(maxsize=None)
def _kernel(device):
    """Return the kernel for a type of device and say so, once."""
    forced = os.environ.get('HACDR_MDCONV')
    if forced not in (None, '', 'numba', 'mmcv'):
        raise ValueError(f"HACDR_MDCONV must be 'numba' or 'mmcv', got {forced!r}")
    if forced == 'numba' and device != 'cpu':
        raise ValueError(
            f'HACDR_MDCONV=numba runs on the CPU only, got a {device} tensor'
        )
    kernel = forced or ('numba' if device == 'cpu' else 'mmcv')
    logger.info('modulated deformable convolution on %s: %s', device, kernel)
    return kernel


@lru_cache(maxsize=None)
def _pool(threads, pid):
    # A forked child has none of its parent's threads: it gets a pool of its own.
    return ThreadPoolExecutor(threads, thread_name_prefix='hacdr')


def _parallel(count, call):
    """Call ``call(part, start, stop)`` for parts of range(count), in threads."""
    parts = max(1, min(torch.get_num_threads(), count))
    bounds = [count * part // parts for part in range(parts + 1)]
    pool = _pool(parts, os.getpid())
    futures = [
        pool.submit(call, part, bounds[part], bounds[part + 1])
        for part in range(1, parts)
    ]
    call(0, bounds[0], bounds[1])
    for future in futures:
        future.result()
    return parts


def _positions(size, taps, stride, padding, dilation, dtype):
    """Return the position of each tap without its offset, (size, taps)."""
    starts = np.arange(size) * stride - padding
    return (starts[:, None] + np.arange(taps) * dilation).astype(dtype)


def _grids(offset, weight, geometry):
    stride, padding, dilation = geometry
    dtype = offset.numpy().dtype
    return [
        _positions(
            offset.shape[2 + axis],
            weight.shape[2 + axis],
            stride[axis],
            padding[axis],
            dilation[axis],
            dtype,
        )
        for axis in (0, 1)
    ]


class _Depthwise(torch.autograd.Function):
    """Every channel its own kernel, all channels the same offsets."""

    @staticmethod
    def forward(ctx, x, offset, mask, weight, bias, geometry):
        x = x.permute(0, 2, 3, 1).contiguous()
        offset, mask = offset.contiguous(), mask.contiguous()
        taps = weight.flatten(1).t().contiguous()
        grids = _grids(offset, weight, geometry)
        out = x.new_empty(x.shape[0], *offset.shape[2:], x.shape[3])
        arrays = [t.numpy() for t in (x, offset, mask, taps, bias.contiguous())]
        result = out.numpy()
        _parallel(
            out.shape[0] * out.shape[1],
            lambda part, start, stop: kernels.depthwise_forward(
                start, stop, *arrays, *grids, result
            ),
        )
        ctx.save_for_backward(x, offset, mask, taps)
        ctx.grids, ctx.weight_shape = grids, weight.shape
        # Convolutions behind it are slower on a channels-last view; a view of one pixel
        # would also forbid sums in place.
        return out.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, offset, mask, taps = ctx.saved_tensors
        grad = grad.permute(0, 2, 3, 1).contiguous()
        threads = torch.get_num_threads()
        # Threads meet in the gradients of x and weight: each has its own.
        gx, gw = x.new_zeros(threads, *x.shape), taps.new_zeros(threads, *taps.shape)
        goffset, gmask = torch.zeros_like(offset), torch.zeros_like(mask)
        arrays = [t.numpy() for t in (x, offset, mask, taps)]
        g, gxs, gws, go, gm = (t.numpy() for t in (grad, gx, gw, goffset, gmask))
        _parallel(
            grad.shape[0] * grad.shape[1],
            lambda part, start, stop: kernels.depthwise_backward(
                start, stop, *arrays, *ctx.grids, g, gxs[part], gws[part], go, gm
            ),
        )
        return (
            gx.sum(0).permute(0, 3, 1, 2).contiguous(),
            goffset,
            gmask,
            gw.sum(0).t().reshape(ctx.weight_shape),
            grad.sum((0, 1, 2)),
            None,
        )


class _General(torch.autograd.Function):
    """Any groups and deform groups: samples, then a matrix product, image by image."""

    @staticmethod
    def forward(ctx, x, offset, mask, weight, bias, geometry, groups, deform_groups):
        x, offset, mask = x.contiguous(), offset.contiguous(), mask.contiguous()
        grids = _grids(offset, weight, geometry)
        kernel = weight.reshape(groups, weight.shape[0] // groups, -1)
        out = x.new_empty(x.shape[0], weight.shape[0], *offset.shape[2:])
        for b in range(len(x)):
            columns = _columns(x[b], offset[b], mask[b], grids, deform_groups)
            torch.matmul(
                kernel,
                columns.view(groups, kernel.shape[2], -1),
                out=out[b].view(groups, kernel.shape[1], -1),
            )
        out += bias.view(-1, 1, 1)
        ctx.save_for_backward(x, offset, mask, weight)
        ctx.grids, ctx.groups, ctx.deform_groups = grids, groups, deform_groups
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, offset, mask, weight = ctx.saved_tensors
        grids, groups, deform_groups = ctx.grids, ctx.groups, ctx.deform_groups
        grad = grad.contiguous()
        kernel = weight.reshape(groups, weight.shape[0] // groups, -1)
        gkernel = torch.zeros_like(kernel)
        gx, goffset, gmask = map(torch.zeros_like, (x, offset, mask))
        for b in range(len(x)):
            # Sampled again: kept from forward, they would be K times the input.
            columns = _columns(x[b], offset[b], mask[b], grids, deform_groups)
            g = grad[b].view(groups, kernel.shape[1], -1)
            gkernel += g @ columns.view(groups, kernel.shape[2], -1).transpose(1, 2)
            torch.matmul(
                kernel.transpose(1, 2), g, out=columns.view(groups, kernel.shape[2], -1)
            )
            arrays = [t.numpy() for t in (x[b], offset[b], mask[b])]
            results = [t.numpy() for t in (columns, gx[b], goffset[b], gmask[b])]
            _parallel(
                deform_groups,
                lambda part, start, stop, arrays=arrays, results=results: (
                    kernels.columns_backward(
                        start, stop, *arrays, *grids, deform_groups, *results
                    )
                ),
            )
        gweight = gkernel.view_as(weight)
        return gx, goffset, gmask, gweight, grad.sum((0, 2, 3)), None, None, None


def _columns(x, offset, mask, grids, deform_groups):
    """Return the samples of one image, (C, K, Ho, Wo)."""
    taps = mask.shape[0] // deform_groups
    columns = x.new_empty(x.shape[0], taps, *mask.shape[1:])
    arrays = [t.numpy() for t in (x, offset, mask)]
    result = columns.numpy()
    _parallel(
        x.shape[0],
        lambda part, start, stop: kernels.sample_columns(
            start, stop, *arrays, *grids, deform_groups, result
        ),
    )
    return columns
