"""Modulated deformable convolution by mmcv's compiled operator."""

from mmcv.ops import modulated_deform_conv2d as operator

from .torch_conv import modulated_deform_conv2d_torch


def modulated_deform_conv2d_mmcv(x, offset, mask, weight, bias, geometry):
    """As :func:`hacdr.ops.modulated_deform_conv2d`, for checked tensors of one type."""
    if len(x) == 0:
        # mmcv's operator divides by the size of the batch.
        return modulated_deform_conv2d_torch(x, offset, mask, weight, bias, geometry)
    # It reads memory as if every tensor were contiguous, and checks nothing.
    inputs = [t.contiguous() for t in (x, offset, mask, weight)]
    return operator(*inputs, bias, *geometry)
