"""Modulated deformable convolution (DCNv2, arXiv:1811.11168): arguments and checks."""

from __future__ import annotations

import logging
from functools import lru_cache

import torch

from .choice import choose_kernel
from .geometry import Geometry
from .onnx_conv import is_wanted
from .precision import compute_dtype, without_autocast

logger = logging.getLogger('hacdr')


def modulated_deform_conv2d(
    x: torch.Tensor,
    offset: torch.Tensor,
    mask: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    deform_groups: int = 1,
) -> torch.Tensor:
    """Convolve samples taken at learned places; arguments and result as mmcv's op.

    Four kernels give the same numbers, for any memory layout and floating type: loops
    compiled by numba (default on the CPU) or by Triton (default on a GPU, with triton
    3.2 or newer), mmcv's operator (default on a GPU without it, but for depthwise
    convolutions) and plain tensor operations (default for the rest and for tracing).
    ``HACDR_MDCONV=numba|triton|torch|mmcv`` in the environment forces one. For export
    to ONNX see :mod:`hacdr.ops.onnx_conv`.

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
        Tensor: (B, Cout, Ho, Wo), of the type of ``x``. Coordinates, masks and sums
        are float32, or float64 for ``x`` of float64, under autocast too. Triton's
        kernels round samples to the type of ``x`` before products with dense kernels.

    Raises:
        ValueError: shapes that do not fit each other.
    """
    geometry = Geometry.of(stride, padding, dilation, groups, deform_groups)
    _check(x, {'offset': (offset, 2), 'mask': (mask, 1)}, weight, bias, geometry)
    return _dispatch(x, offset, mask, weight, bias, geometry)


def modulated_deform_conv2d_packed(
    x: torch.Tensor,
    packed: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    deform_groups: int = 1,
) -> torch.Tensor:
    """Convolve with offsets and mask as they come out of one convolution.

    Args:
        packed (Tensor): (B, 3 * deform_groups * K, Ho, Wo): two thirds offsets, then
            the mask before its sigmoid.
        x, weight, bias, stride, padding, dilation, groups, deform_groups: as in
            :func:`modulated_deform_conv2d`.

    Returns:
        Tensor: (B, Cout, Ho, Wo), of the type of ``x``.

    Raises:
        ValueError: shapes that do not fit each other.
    """
    geometry = Geometry.of(stride, padding, dilation, groups, deform_groups)
    _check(x, {'packed': (packed, 3)}, weight, bias, geometry)
    return _dispatch(x, packed, None, weight, bias, geometry)


def _dispatch(x, offset, mask, weight, bias, geometry):
    depthwise = geometry.is_depthwise(x, weight)
    if torch.jit.is_tracing():
        kernel = 'onnx' if is_wanted() else 'torch'
    else:
        kernel = choose_kernel(x.device.type, depthwise)
        if not _is_compiling():
            _log(kernel, x.device.type, depthwise)
    if kernel == 'triton':
        # It reads every type and layout itself.
        from .triton_conv import modulated_deform_conv2d_triton

        fields = offset if mask is None else torch.cat([offset, mask], 1)
        return modulated_deform_conv2d_triton(
            x, fields, weight, bias, geometry, sigmoid=mask is None
        )
    dtype = compute_dtype(x)
    inputs = [None if t is None else t.to(dtype) for t in (x, offset, mask, weight)]
    if bias is not None:
        bias = bias.to(dtype)
    if kernel == 'numba':
        from .numba_conv import modulated_deform_conv2d_numba as run
    elif kernel == 'mmcv':
        from .mmcv_conv import modulated_deform_conv2d_mmcv as run
    elif kernel == 'onnx':
        from .onnx_conv import modulated_deform_conv2d_onnx as run
    else:
        from .torch_conv import modulated_deform_conv2d_torch as run
    if kernel != 'numba' and mask is None:
        # These take masks after their sigmoid.
        split = offset.shape[1] // 3 * 2
        inputs[1:3] = inputs[1][:, :split], inputs[1][:, split:].sigmoid()
    with without_autocast(x):
        return run(*inputs, bias, geometry).to(x.dtype)


def _is_compiling():
    # torch 2.1 has no such question.
    is_compiling = getattr(torch.compiler, 'is_compiling', None)
    return is_compiling is not None and is_compiling()


@lru_cache(maxsize=None)
def _log(kernel, device, depthwise):
    logger.info(
        '%smodulated deformable convolution on %s: %s kernel',
        'depthwise ' if depthwise else '',
        device,
        kernel,
    )


def _check(x, fields, weight, bias, geometry):
    *pairs, groups, deform_groups = geometry
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
        for length, k, s, p, d in zip((height, width), kernel, *pairs)
    ]
    if min(size) < 1:
        raise ValueError(
            f'x of shape {tuple(x.shape)} is smaller than the kernel, {tuple(kernel)}'
        )
    taps = deform_groups * kernel[0] * kernel[1]
    expected = {'weight': (weight, (out_channels, channels // groups, *kernel))}
    for name, (tensor, per_tap) in fields.items():
        expected[name] = (tensor, (batch, per_tap * taps, *size))
    if bias is not None:
        expected['bias'] = (bias, (out_channels,))
    for name, (tensor, shape) in expected.items():
        if tensor.shape != shape:
            raise ValueError(
                f'{name} must have shape {shape} for x of shape {tuple(x.shape)}, got '
                f'{tuple(tensor.shape)}'
            )
