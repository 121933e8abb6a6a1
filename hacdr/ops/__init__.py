"""Modulated deformable convolution on mmcv's compiled op."""

from mmcv.ops import modulated_deform_conv2d

__all__ = ['modulated_deform_conv2d', 'modulated_deform_conv2d_packed']


def modulated_deform_conv2d_packed(x, packed, weight, bias=None, *args, **kwargs):
    """Take offsets and mask as ``conv_offset`` gives them, (B, 3*G*K, Ho, Wo)."""
    split = packed.shape[1] // 3 * 2
    offset, mask = packed[:, :split], packed[:, split:].sigmoid()
    # mmcv has no bfloat16 kernel: compute in the parameters' precision.
    x, offset, mask = (t.to(weight.dtype).contiguous() for t in (x, offset, mask))
    out = modulated_deform_conv2d(x, offset, mask, weight, bias, *args, **kwargs)
    return out.to(packed.dtype)
