"""Modulated deformable convolution in plain tensor operations.

Slower than compiled loops, but for every device, ``torch.jit.trace`` and ONNX export.
"""

from __future__ import annotations

import torch
from torch.autograd.function import once_differentiable

from .geometry import Geometry
from .precision import without_autocast

# Bytes of the samples that are held at once, a few times this in all.
CHUNK_BYTES = 1 << 25


def modulated_deform_conv2d_torch(
    x: torch.Tensor,
    offset: torch.Tensor,
    mask: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    geometry: Geometry,
) -> torch.Tensor:
    """As :func:`hacdr.ops.modulated_deform_conv2d`, for checked tensors.

    It works on bands of rows, whose samples backward computes again: memory does not
    grow with taps x channels x pixels. A traced graph has a single band.

    Args:
        x, offset, mask, weight, bias: as there, of one type, float32 or float64.
        geometry (Geometry): of the convolution.

    Returns:
        Tensor: (B, Cout, Ho, Wo), of the type of ``x``.
    """
    if torch.jit.is_tracing():
        ys, xs = _positions(x, offset, mask, weight, geometry)
        out = _band(x, offset, mask, weight, ys, xs, geometry)
    else:
        out = _Banded.apply(x, offset, mask, weight, geometry)
    return out if bias is None else out + bias.view(-1, 1, 1)


class _Banded(torch.autograd.Function):
    """Band after band of rows of the output."""

    @staticmethod
    def forward(ctx, x, offset, mask, weight, geometry):
        ctx.save_for_backward(x, offset, mask, weight)
        ctx.geometry = geometry
        out = x.new_empty(x.shape[0], weight.shape[0], *offset.shape[2:])
        for rows, ys, xs in _bands(x, offset, mask, weight, geometry):
            fields = offset[:, :, rows], mask[:, :, rows]
            out[:, :, rows] = _band(x, *fields, weight, ys, xs, geometry)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        x, offset, mask, weight = ctx.saved_tensors
        gx, gweight = torch.zeros_like(x), torch.zeros_like(weight)
        goffset, gmask = torch.empty_like(offset), torch.empty_like(mask)
        for rows, ys, xs in _bands(x, offset, mask, weight, ctx.geometry):
            inputs = [x, offset[:, :, rows], mask[:, :, rows], weight]
            inputs = [t.detach().requires_grad_() for t in inputs]
            with without_autocast(x), torch.enable_grad():
                out = _band(*inputs, ys, xs, ctx.geometry)
                gradients = torch.autograd.grad(out, inputs, grad[:, :, rows])
            gx += gradients[0]
            goffset[:, :, rows] = gradients[1]
            gmask[:, :, rows] = gradients[2]
            gweight += gradients[3]
        return gx, goffset, gmask, gweight, None


def _bands(x, offset, mask, weight, geometry):
    """Yield a slice of rows and the positions of its taps, band after band."""
    ys, xs = _positions(x, offset, mask, weight, geometry)
    taps = weight.shape[2] * weight.shape[3]
    row_bytes = x.shape[0] * x.shape[1] * taps * offset.shape[3] * x.element_size()
    height = max(1, CHUNK_BYTES // max(1, row_bytes))
    for top in range(0, offset.shape[2], height):
        rows = slice(top, top + height)
        yield rows, ys[rows], xs


def _positions(x, offset, mask, weight, geometry):
    """Return where each tap lies without its offset: (Ho, kh) and (Wo, kw)."""
    tables = []
    for axis, (stride, padding, dilation) in enumerate(zip(*geometry[:3])):
        starts = torch.arange(offset.shape[2 + axis], device=x.device) * stride
        taps = torch.arange(weight.shape[2 + axis], device=x.device) * dilation
        tables.append((starts[:, None] - padding + taps).to(x.dtype))
    return tables


def _band(x, offset, mask, weight, ys, xs, geometry):
    """Convolve some rows of the output, (B, Cout, rows, Wo)."""
    groups, deform_groups = geometry.groups, geometry.deform_groups
    batch, channels, height, width = x.shape
    rows, columns = offset.shape[2:]
    kh, kw = weight.shape[2:]
    size, count = channels // deform_groups, kh * kw * rows * columns
    field = (batch, deform_groups, kh, kw, rows, columns)
    offset = offset.reshape(batch, deform_groups, kh, kw, 2, rows, columns)
    y = offset[:, :, :, :, 0] + ys.t().reshape(kh, 1, rows, 1)
    xx = offset[:, :, :, :, 1] + xs.t().reshape(kw, 1, columns)
    inside = (y > -1) & (xx > -1) & (y < height) & (xx < width)
    # What is outside has no gradient, NaN included.
    y, xx = (torch.where(inside, t, torch.zeros_like(t)) for t in (y, xx))
    mask = torch.where(inside, mask.reshape(field), torch.zeros_like(y))
    y0, x0 = y.detach().floor(), xx.detach().floor()
    ly, lx = y - y0, xx - x0
    flat = x.reshape(batch, deform_groups, size, height * width)
    samples = 0
    for bottom in (0, 1):
        for right in (0, 1):
            cy, cx = (y0 + bottom).long(), (x0 + right).long()
            held = (cy >= 0) & (cy < height) & (cx >= 0) & (cx < width)
            share = (ly if bottom else 1 - ly) * (lx if right else 1 - lx) * mask
            share = torch.where(held, share, torch.zeros_like(share))
            index = cy.clamp(0, height - 1) * width + cx.clamp(0, width - 1)
            index = index.reshape(batch, deform_groups, 1, count)
            values = flat.gather(3, index.expand(-1, -1, size, -1))
            samples = samples + values * share.reshape(batch, deform_groups, 1, count)
    samples = samples.reshape(
        batch, groups, channels // groups, kh * kw, rows * columns
    )
    kernel = weight.reshape(groups, weight.shape[0] // groups, -1, kh * kw)
    if groups == channels == weight.shape[0]:
        # A matrix product of one row per channel is slow everywhere.
        out = (samples[:, :, 0] * kernel[:, 0, 0, :, None]).sum(2)
    else:
        out = kernel.flatten(2) @ samples.flatten(2, 3)
    return out.reshape(batch, weight.shape[0], rows, columns)
