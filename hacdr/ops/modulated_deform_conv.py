"""Modulated deformable convolution (DCNv2, arXiv:1811.11168): checks and choice."""

import logging
import os
from functools import lru_cache

import torch
from torch.nn.modules.utils import _pair

from .plain import modulated_deform_conv2d_plain

try:
    from .cpu import modulated_deform_conv2d_cpu
except ImportError:  # numba has no version for this Python yet
    modulated_deform_conv2d_cpu = None

logger = logging.getLogger('hacdr')

KERNELS = ('numba', 'torch', 'mmcv')


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

    Three kernels give the same numbers: loops compiled by numba (default on the CPU),
    plain tensor operations (default for tracing and ONNX export, for depthwise
    convolutions on a GPU, and where numba is missing) and mmcv's operator (default for
    the rest). The environment variable ``HACDR_MDCONV=numba|torch|mmcv`` forces one.

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
        Tensor: (B, Cout, Ho, Wo), of the type of ``x``. Half precision is computed in
        float32.

    Raises:
        ValueError: shapes that do not fit each other.
    """
    geometry = (_pair(stride), _pair(padding), _pair(dilation))
    fields = {'offset': (offset, 2), 'mask': (mask, 1)}
    _check(x, fields, weight, bias, geometry, groups, deform_groups)
    return _dispatch(x, offset, mask, weight, bias, geometry, groups, deform_groups)


def modulated_deform_conv2d_packed(
    x,
    packed,
    weight,
    bias=None,
    stride=1,
    padding=0,
    dilation=1,
    groups=1,
    deform_groups=1,
):
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
    geometry = (_pair(stride), _pair(padding), _pair(dilation))
    fields = {'packed': (packed, 3)}
    _check(x, fields, weight, bias, geometry, groups, deform_groups)
    return _dispatch(x, packed, None, weight, bias, geometry, groups, deform_groups)


def choose_kernel(device, depthwise=False):
    """Return the name of the kernel that a convolution takes: one of ``KERNELS``.

    Args:
        device (str): type of device, 'cpu' or 'cuda'.
        depthwise (bool): one field of offsets, every channel its own kernel.

    Raises:
        ValueError: ``HACDR_MDCONV`` names no kernel or one that cannot run here.
    """
    forced = os.environ.get('HACDR_MDCONV')
    if forced and forced not in KERNELS:
        raise ValueError(
            f"HACDR_MDCONV must be 'numba', 'torch' or 'mmcv', got {forced!r}"
        )
    if forced == 'numba' and device != 'cpu':
        raise ValueError(
            f'HACDR_MDCONV=numba runs on the CPU only, got a {device} tensor'
        )
    if forced == 'numba' and modulated_deform_conv2d_cpu is None:
        raise ValueError('HACDR_MDCONV=numba, but numba cannot be imported')
    if forced:
        return forced
    if device == 'cpu' and modulated_deform_conv2d_cpu is not None:
        return 'numba'
    # mmcv goes through the groups one by one.
    return 'torch' if depthwise or device == 'cpu' else 'mmcv'


def _dispatch(x, offset, mask, weight, bias, geometry, groups, deform_groups):
    depthwise = groups == x.shape[1] == weight.shape[0] and deform_groups == 1
    if torch.jit.is_tracing():
        kernel = 'torch'
    else:
        kernel = choose_kernel(x.device.type, depthwise)
        _log(kernel, x.device.type, depthwise)
    if kernel == 'numba':
        return modulated_deform_conv2d_cpu(
            x, offset, mask, weight, bias, geometry, groups, deform_groups
        )
    if mask is None:
        split = offset.shape[1] // 3 * 2
        offset, mask = offset[:, :split], offset[:, split:].sigmoid()
    if kernel == 'torch':
        return modulated_deform_conv2d_plain(
            x, offset, mask, weight, bias, geometry, groups, deform_groups
        )
    from mmcv.ops import modulated_deform_conv2d as mmcv_op

    if len(x) == 0:
        # mmcv's operator divides by the size of the batch.
        return x.new_zeros(0, weight.shape[0], *offset.shape[2:])
    out = mmcv_op(x, offset, mask, weight, bias, *geometry, groups, deform_groups)
    return out.to(x.dtype)


@lru_cache(maxsize=None)
def _log(kernel, device, depthwise):
    logger.info(
        '%smodulated deformable convolution on %s: %s kernel',
        'depthwise ' if depthwise else '',
        device,
        kernel,
    )


def _check(x, fields, weight, bias, geometry, groups, deform_groups):
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
        for length, k, s, p, d in zip((height, width), kernel, *geometry)
    ]
    if min(size) < 1:
        raise ValueError(
            f'x of shape {tuple(x.shape)} is smaller than the kernel, {tuple(kernel)}'
        )
    taps = deform_groups * kernel[0] * kernel[1]
    expected = {'weight': (weight, (out_channels, channels // groups, *kernel))}
    for name, (tensor, numbers) in fields.items():
        expected[name] = (tensor, (batch, numbers * taps, *size))
    if bias is not None:
        expected['bias'] = (bias, (out_channels,))
    for name, (tensor, shape) in expected.items():
        if tensor.shape != shape:
            raise ValueError(
                f'{name} must have shape {shape} for x of shape {tuple(x.shape)}, got '
                f'{tuple(tensor.shape)}'
            )
