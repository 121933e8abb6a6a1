"""A tiny network and its data, on every device and in every precision."""

from functools import partial

import pytest
import torch
from mmcv.runner import fp16_utils
from mmcv.runner.hooks import optimizer

from hacdr.compat import torch_version

from .tiny_network import PRECISIONS, write_config, write_data, write_weights


@pytest.fixture(params=['cpu', pytest.param('cuda', marks=pytest.mark.gpu)])
def device(request):
    """The device; a GPU computes in float32 where it is asked to, not in TF32."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield request.param
    torch.backends.cudnn.allow_tf32 = before


@pytest.fixture(params=[*PRECISIONS, 'fp16 without GPU'])
def precision(request, device, monkeypatch):
    """The name of a precision.

    mmcv's fp16 is autocast of a GPU. On a CPU, 'fp16' gets the CPU's autocast in its
    place: in half where torch can (from 2.3), in bfloat16 before. 'fp16 without GPU' is
    what a user has who tries such a config on a CPU.
    """
    if request.param == 'fp16 without GPU':
        if device != 'cpu' or torch.cuda.is_available():
            pytest.skip('for machines without a GPU')
        return 'fp16'
    if request.param == 'fp16' and device == 'cpu':
        half = torch_version() >= (2, 3)
        low = torch.half if half else torch.bfloat16
        cast = fp16_utils.cast_tensor_type

        def cast_tensor_type(inputs, source, target):
            types = [low if t == torch.half else t for t in (source, target)]
            return cast(inputs, *types)

        autocast = partial(torch.autocast, 'cpu', dtype=low)
        monkeypatch.setattr(fp16_utils, 'autocast', autocast)
        monkeypatch.setattr(fp16_utils, 'cast_tensor_type', cast_tensor_type)
        if half:
            scaler = partial(torch.amp.GradScaler, 'cpu')
            monkeypatch.setattr(optimizer, 'GradScaler', scaler)
    return request.param


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    """Data, config (tiny.py) and weights (tiny.pth); not to be changed."""
    folder = tmp_path_factory.mktemp('tiny')
    write_data(folder / 'data')
    write_config(folder / 'tiny.py', folder / 'data')
    write_weights(folder / 'tiny.pth', folder / 'tiny.py')
    return folder
