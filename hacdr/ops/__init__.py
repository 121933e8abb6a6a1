"""Operators: tensors in, tensors out; nothing of mmseg."""

from .choice import choose_kernel, find_obstacle
from .modulated_deform_conv import (
    modulated_deform_conv2d,
    modulated_deform_conv2d_packed,
)

__all__ = [
    'choose_kernel',
    'find_obstacle',
    'modulated_deform_conv2d',
    'modulated_deform_conv2d_packed',
]
