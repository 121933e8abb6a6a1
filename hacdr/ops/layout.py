"""How tensors of images lie in memory."""

import torch


def is_channels_last(x):
    """Say whether ``x`` lies channels-last and no other way; outputs follow it."""
    return not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
