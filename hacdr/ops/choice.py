"""Which kernel a modulated deformable convolution takes, and why another cannot run."""

from __future__ import annotations

import os
import shutil
import sysconfig
from functools import lru_cache

import torch


def choose_kernel(device: str, depthwise: bool = False) -> str:
    """Return the name of the kernel that a convolution takes: one of ``OBSTACLES``.

    Args:
        device (str): type of device, such as 'cpu' or 'cuda'.
        depthwise (bool): one field of offsets, every channel its own kernel.

    Raises:
        ValueError: ``HACDR_MDCONV`` names no kernel or one that cannot run here.
    """
    forced = os.environ.get('HACDR_MDCONV')
    if forced:
        if forced not in OBSTACLES:
            raise ValueError(
                f'HACDR_MDCONV must be one of {(*OBSTACLES,)}, got {forced!r}'
            )
        obstacle = find_obstacle(forced, device)
        if obstacle:
            raise ValueError(f'HACDR_MDCONV={forced}: {obstacle}')
        return forced
    preferred = {
        'cpu': ['numba'],
        # mmcv goes through the groups one by one.
        'cuda': ['triton'] if depthwise else ['triton', 'mmcv'],
    }
    for kernel in preferred.get(device, []):
        if find_obstacle(kernel, device) is None:
            return kernel
    return 'torch'


def find_obstacle(kernel: str, device: str) -> str | None:
    """Return why a kernel cannot run on a type of device, None where it can."""
    return _look_for_obstacle(kernel, device)


# torch.compile asks and does not look inside. torch.compiler.assume_constant_result
# says the same, but takes a second to import.
find_obstacle._dynamo_marked_constant = True  # type: ignore[attr-defined]


@lru_cache(maxsize=None)
def _look_for_obstacle(kernel, device):
    return OBSTACLES[kernel](device)


def _find_obstacle_of_numba(device):
    if device != 'cpu':
        return f'it runs on the CPU only, got a {device} tensor'
    try:
        import numba  # noqa: F401
    except ImportError:  # it has no version for the newest Python at first
        return 'numba cannot be imported'
    return None


def _find_obstacle_of_mmcv(device):
    if device not in ('cpu', 'cuda'):
        return f'it runs on the CPU and on CUDA only, got a {device} tensor'
    from mmcv import _ext

    if not getattr(_ext, 'OPERATORS', True):
        return 'mmcv is here without its compiled operators'
    if device == 'cuda' and _ext.get_compiling_cuda_version() == 'not available':
        return 'mmcv was built without CUDA'
    return None


def _find_obstacle_of_triton(device):
    interpreted = os.environ.get('TRITON_INTERPRET') == '1'
    if device != 'cuda' and not (interpreted and device == 'cpu'):
        return (
            f'it runs on GPUs, and on the CPU with TRITON_INTERPRET=1, got a {device} '
            'tensor'
        )
    try:
        import triton
    except ImportError:
        return 'triton cannot be imported'
    version = tuple(int(n) for n in triton.__version__.split('.')[:2])
    if version < (3, 2):
        return f'it needs triton 3.2 or newer, found {triton.__version__}'
    if interpreted:
        return None
    if not torch.cuda.is_available():
        return 'torch finds no GPU'
    if torch.cuda.get_device_capability() < (8, 0):
        return 'it needs a GPU of compute capability 8.0 or newer'
    # Triton compiles what launches its kernels on the machine itself.
    compilers = os.environ.get('CC'), 'gcc', 'clang'
    if not any(shutil.which(name) for name in compilers if name):
        return 'it needs a C compiler (gcc or clang)'
    if not os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h')):
        return "it needs Python's headers (Debian: python3-dev)"
    return None


# Name of a kernel -> what tells why it cannot run on a type of device.
OBSTACLES = {
    'numba': _find_obstacle_of_numba,
    'triton': _find_obstacle_of_triton,
    'torch': lambda device: None,
    'mmcv': _find_obstacle_of_mmcv,
}
