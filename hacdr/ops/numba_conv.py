"""Modulated deformable convolution on the CPU: autograd and threads around the kernels.

Nothing of the size of taps x channels x pixels is kept for backward: samples and masks
are computed again there.
"""

from __future__ import annotations

import functools
import logging
import threading

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from . import numba_kernels as kernels
from .geometry import Geometry
from .layout import is_channels_last
from .precision import without_autocast
from .threads import run_together

logger = logging.getLogger('hacdr')

# Below so many samples a second thread costs more than it brings.
SAMPLES_PER_THREAD = 1 << 13


def modulated_deform_conv2d_numba(
    x: torch.Tensor,
    offset: torch.Tensor,
    mask: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    geometry: Geometry,
) -> torch.Tensor:
    """As :func:`hacdr.ops.modulated_deform_conv2d`, for checked tensors on the CPU.

    Args:
        x, offset, mask, weight, bias: as there, of one type, float32 or float64.
            ``mask`` is None where ``offset`` holds three thirds: y and x of the offsets
            and the mask before its sigmoid.
        geometry (Geometry): of the convolution.

    Returns:
        Tensor: (B, Cout, Ho, Wo), of the type of ``x``.
    """
    if bias is None:
        bias = x.new_zeros(weight.shape[0])
    depthwise = geometry.is_depthwise(x, weight)
    function = _DepthwiseMDConv if depthwise else _GeneralMDConv
    return function.apply(x, offset, mask, weight, bias, geometry)


def _without_autocast(function):
    """Keep autocast out of backward too: kernels and matrix products share buffers."""

    @functools.wraps(function)
    def wrapper(ctx, grad):
        with without_autocast(grad):
            return function(ctx, grad)

    return wrapper


class _DepthwiseMDConv(torch.autograd.Function):
    """Every channel its own kernel, all channels the same offsets."""

    @staticmethod
    def forward(ctx, x, offset, mask, weight, bias, geometry):
        ctx.save_for_backward(x, offset, mask, weight)
        ctx.geometry = geometry
        offsets, masks = _fields(offset, mask, weight, 1)
        tables = _tables(offset, weight, geometry)
        bounds = _bounds(x)
        last = x.permute(0, 2, 3, 1).contiguous().numpy()
        taps = weight.flatten(1).t().contiguous().numpy()
        shift = bias.contiguous().numpy()
        shape = x.shape[0], x.shape[1], *offset.shape[2:]
        out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        results = out.permute(0, 2, 3, 1).numpy()
        for b in range(len(x)):
            _run(
                kernels.depthwise_forward,
                out.shape[2],
                out[b].numel(),
                (
                    last[b],
                    offsets[b],
                    masks[b],
                    taps,
                    shift,
                    *tables,
                    bounds,
                    results[b],
                ),
            )
        # Convolutions behind it train slower on channels-last pixels.
        return out if is_channels_last(x) else out.contiguous()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, offset, mask, weight = ctx.saved_tensors
        offsets, masks = _fields(offset, mask, weight, 1)
        tables = _tables(offset, weight, ctx.geometry)
        bounds = _bounds(x)
        last = x.permute(0, 2, 3, 1).contiguous()
        taps = weight.flatten(1).t().contiguous()
        grad = grad.permute(0, 2, 3, 1).contiguous()
        gx, goffset, gmask, goffsets, gmasks = _gradients(last, offset, mask)
        # Threads meet in the gradients of x and weight: each has its own.
        threads = _threads(grad.shape[1], grad[:1].numel())
        gtaps = taps.new_zeros(threads, *taps.shape)
        gxs = last.new_empty(threads, *last.shape[1:])
        for b in range(len(x)):
            gxs.zero_()
            _run(
                kernels.depthwise_backward,
                grad.shape[1],
                grad[b].numel(),
                (
                    last[b].numpy(),
                    offsets[b],
                    masks[b],
                    taps.numpy(),
                    *tables,
                    bounds,
                    grad[b].numpy(),
                    mask is None,
                    goffsets[b],
                    gmasks[b],
                ),
                list(zip(gxs.numpy(), gtaps.numpy())),
            )
            torch.sum(gxs, 0, out=gx[b])
        return (
            gx.permute(0, 3, 1, 2).contiguous(),
            goffset,
            gmask,
            gtaps.sum(0).t().reshape(weight.shape),
            grad.sum((0, 1, 2)),
            None,
        )


class _GeneralMDConv(torch.autograd.Function):
    """Any groups and deform groups: samples, then a matrix product, image by image."""

    @staticmethod
    def forward(ctx, x, offset, mask, weight, bias, geometry):
        channels_last = is_channels_last(x)
        x, offset = x.contiguous(), offset.contiguous()
        ctx.save_for_backward(x, offset, mask, weight)
        ctx.geometry = geometry
        groups, deform_groups = geometry.groups, geometry.deform_groups
        offsets, masks = _fields(offset, mask, weight, deform_groups)
        tables = _flat_tables(offset, weight, geometry)
        bounds = _bounds(x)
        kernel = weight.reshape(groups, weight.shape[0] // groups, -1)
        columns = _empty_columns(x, offset, weight)
        out = x.new_empty(x.shape[0], weight.shape[0], *offset.shape[2:])
        for b in range(len(x)):
            _run(
                kernels.sample_columns,
                x.shape[1],
                columns.numel(),
                (
                    *_sampled(x[b], offsets[b], masks[b], deform_groups),
                    *tables,
                    bounds,
                    columns.numpy(),
                ),
            )
            torch.matmul(
                kernel,
                columns.view(groups, kernel.shape[2], -1),
                out=out[b].view(groups, kernel.shape[1], -1),
            )
        out += bias.view(-1, 1, 1)
        return out.to(memory_format=torch.channels_last) if channels_last else out

    @staticmethod
    @once_differentiable
    @_without_autocast
    def backward(ctx, grad):
        x, offset, mask, weight = ctx.saved_tensors
        groups, deform_groups = ctx.geometry.groups, ctx.geometry.deform_groups
        offsets, masks = _fields(offset, mask, weight, deform_groups)
        tables = _flat_tables(offset, weight, ctx.geometry)
        bounds = _bounds(x)
        grad = grad.contiguous()
        kernel = weight.reshape(groups, weight.shape[0] // groups, -1)
        gkernel = torch.zeros_like(kernel)
        gx, goffset, gmask, goffsets, gmasks = _gradients(x, offset, mask)
        columns = _empty_columns(x, offset, weight)
        flat = columns.view(groups, kernel.shape[2], -1)
        threads = _threads(x.shape[1], columns.numel())
        # Threads meet in the offsets of a group of several channels.
        shared = threads > 1 and deform_groups < x.shape[1]
        for b in range(len(x)):
            g = grad[b].view(groups, kernel.shape[1], -1)
            torch.matmul(kernel.transpose(1, 2), g, out=flat)
            fields = [(goffsets[b], gmasks[b])]
            if shared:
                fields = [
                    tuple(np.zeros_like(field) for field in fields[0])
                    for _ in range(threads)
                ]
            _run(
                kernels.columns_backward,
                x.shape[1],
                columns.numel(),
                (
                    *_sampled(x[b], offsets[b], masks[b], deform_groups),
                    *tables,
                    bounds,
                    columns.numpy(),
                    mask is None,
                    gx[b].numpy(),
                ),
                [
                    (
                        _per_tap(goffset_part, deform_groups, 2),
                        _per_tap(gmask_part, deform_groups),
                    )
                    for goffset_part, gmask_part in fields
                ]
                * (threads // len(fields)),
            )
            if shared:
                np.sum([field[0] for field in fields], 0, out=goffsets[b])
                np.sum([field[1] for field in fields], 0, out=gmasks[b])
            gkernel += g @ flat.transpose(1, 2)
        gweight = gkernel.view_as(weight)
        return gx, goffset, gmask, gweight, grad.sum((0, 2, 3)), None


def _fields(offset, mask, weight, deform_groups):
    """Return offsets and masks as arrays, (B, fields, Ho, Wo) each."""
    split = 2 * deform_groups * weight.shape[2] * weight.shape[3]
    offset = offset.contiguous()
    if mask is None:
        mask = torch.sigmoid(offset[:, split:])
    return offset.numpy()[:, :split], mask.contiguous().numpy()


def _gradients(x, offset, mask):
    """Return room for the gradients of x, offset, mask; the latter as arrays too."""
    gx, goffset = torch.empty_like(x), torch.empty_like(offset.contiguous())
    if mask is not None:
        gmask = torch.empty_like(mask.contiguous())
        return gx, goffset, gmask, goffset.numpy(), gmask.numpy()
    split = offset.shape[1] // 3 * 2
    array = goffset.numpy()
    return gx, goffset, None, array[:, :split], array[:, split:]


def _sampled(x, offset, mask, deform_groups):
    """Return what the columns of one image are sampled from, as arrays."""
    fields = _per_tap(offset, deform_groups, 2), _per_tap(mask, deform_groups)
    return x.numpy(), *fields


def _per_tap(fields, deform_groups, *inner):
    """View one image's fields as (deform_groups, K, *inner, Ho * Wo)."""
    pixels = fields.shape[1] * fields.shape[2]
    return fields.reshape(deform_groups, -1, *inner, pixels)


def _empty_columns(x, offset, weight):
    taps = weight.shape[2] * weight.shape[3]
    return x.new_empty(x.shape[1], taps, offset.shape[2] * offset.shape[3])


def _bounds(x):
    return np.array([-1, *x.shape[2:]], x.numpy().dtype)


def _tables(offset, weight, geometry):
    dtype = offset.numpy().dtype
    return _positions(offset.shape[2:], weight.shape[2:], geometry, dtype)


def _flat_tables(offset, weight, geometry):
    dtype = offset.numpy().dtype
    return _flat_positions(offset.shape[2:], weight.shape[2:], geometry, dtype)


def _positions(size, kernel, geometry, dtype):
    """Return where each tap lies without its offset: (Ho, kh) and (Wo, kw)."""
    return tuple(
        (
            np.arange(length)[:, None] * stride - padding + np.arange(taps) * dilation
        ).astype(dtype)
        for length, taps, stride, padding, dilation in zip(size, kernel, *geometry[:3])
    )


@functools.lru_cache(maxsize=64)
def _flat_positions(size, kernel, geometry, dtype):
    """Return the same for every pixel: (kh, Ho * Wo) and (kw, Ho * Wo)."""
    ys, xs = _positions(size, kernel, geometry, dtype)
    return np.repeat(ys.T, size[1], 1), np.tile(xs.T, size[0])


def _threads(count, samples):
    """Return how many threads share ``count`` rounds of a loop over ``samples``."""
    wanted = samples // SAMPLES_PER_THREAD
    return max(1, min(torch.get_num_threads(), count, wanted))


_compiled = set()


@functools.lru_cache(maxsize=None)
def _announce_compiling():
    logger.warning('compiling CPU kernels, once on this machine ...')


def _run(kernel, count, samples, shared, own=None):
    """Run ``kernel(start, stop, *shared, *own[part])`` on range(count), in threads."""
    parts = _threads(count, samples)
    bounds = [count * part // parts for part in range(parts + 1)]
    calls = [
        (bounds[part], bounds[part + 1], *shared, *(own[part] if own else ()))
        for part in range(parts)
    ]
    key = kernel, calls[0][2].dtype
    if key not in _compiled:
        # From the cache it takes a moment only, and nothing is said.
        notice = threading.Timer(2, _announce_compiling)
        notice.daemon = True
        notice.start()
        kernel(0, 0, *calls[0][2:])
        notice.cancel()
        _compiled.add(key)
    run_together([functools.partial(kernel, *call) for call in calls])
