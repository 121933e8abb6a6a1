"""Modulated deformable convolution in plain tensor operations.

Slower than compiled loops, but for every device, ``torch.jit.trace`` and ONNX export.
"""

import inspect

import torch
from torch.utils.checkpoint import checkpoint

# Bytes of the samples that are held at once, a few times this in all.
CHUNK_BYTES = 1 << 25
# The argument came with torch 1.11 and later versions insist on it.
_REENTRANT = (
    {'use_reentrant': True}
    if 'use_reentrant' in inspect.signature(checkpoint).parameters
    else {}
)


def modulated_deform_conv2d_plain(
    x, offset, mask, weight, bias, geometry, groups, deform_groups
):
    """As :func:`hacdr.ops.modulated_deform_conv2d`, for checked tensors.

    It works on bands of rows, whose samples backward computes again: memory does not
    grow with the number of taps.

    Args:
        x, offset, mask, weight, bias, groups, deform_groups: as there.
        geometry (tuple): stride, padding and dilation, pairs of int.

    Returns:
        Tensor: (B, Cout, Ho, Wo), of the type of ``x``.
    """
    kind = torch.promote_types(x.dtype, torch.float32)
    source, offset, mask, weight = (t.to(kind) for t in (x, offset, mask, weight))
    rows, columns = offset.shape[2:]
    taps = weight.shape[2] * weight.shape[3]
    row_bytes = x.shape[0] * x.shape[1] * taps * columns * source.element_size()
    band = max(1, CHUNK_BYTES // max(1, row_bytes))
    if torch.jit.is_tracing():
        band = rows
    parts = []
    for top in range(0, rows, band):
        ys, xs = _positions(source, offset, weight, geometry)

        def convolve(source, offset, mask, weight, ys=ys[top : top + band], xs=xs):
            return _band(source, offset, mask, weight, ys, xs, groups, deform_groups)

        inputs = (
            source,
            offset[:, :, top : top + band],
            mask[:, :, top : top + band],
            weight,
        )
        again = torch.is_grad_enabled() and any(t.requires_grad for t in inputs)
        if again and not torch.jit.is_tracing():
            parts.append(checkpoint(convolve, *inputs, **_REENTRANT))
        else:
            parts.append(convolve(*inputs))
    out = torch.cat(parts, 2) if len(parts) > 1 else parts[0]
    if bias is not None:
        out = out + bias.to(kind).view(-1, 1, 1)
    return out.to(x.dtype)


def _positions(x, offset, weight, geometry):
    """Return where each tap lies without its offset: (Ho, kh) and (Wo, kw)."""
    tables = []
    for axis, (stride, padding, dilation) in enumerate(zip(*geometry)):
        starts = torch.arange(offset.shape[2 + axis], device=x.device) * stride
        taps = torch.arange(weight.shape[2 + axis], device=x.device) * dilation
        tables.append((starts[:, None] - padding + taps).to(x.dtype))
    return tables


def _band(x, offset, mask, weight, ys, xs, groups, deform_groups):
    """Convolve some rows of the output, (B, Cout, rows, Wo)."""
    batch, channels, height, width = x.shape
    rows, columns = offset.shape[2:]
    kh, kw = weight.shape[2:]
    size = channels // deform_groups
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
            index = index.reshape(batch, deform_groups, 1, -1)
            values = flat.gather(3, index.expand(-1, -1, size, -1))
            samples = samples + values * share.reshape(batch, deform_groups, 1, -1)
    samples = samples.reshape(batch, groups, -1, kh * kw, rows * columns)
    kernel = weight.reshape(groups, weight.shape[0] // groups, -1, kh * kw)
    if groups == channels == weight.shape[0]:
        # A matrix product of one row per channel is slow everywhere.
        out = (samples[:, :, 0] * kernel[:, 0, 0, :, None]).sum(2)
    else:
        out = kernel.flatten(2) @ samples.flatten(2, 3)
    return out.reshape(batch, weight.shape[0], rows, columns)
