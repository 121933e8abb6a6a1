"""What a training or prediction runs on here: versions, GPUs, kernels."""

import platform
import shutil
import subprocess

import torch

import hacdr
from hacdr.errors import InputError, first_line
from hacdr.ops import choose_kernel, modulated_deform_conv2d
from hacdr.stack import describe_version

PACKAGES = ('torch', 'torchvision', 'mmcv', 'mmseg', 'numba', 'numpy', 'cv2', 'scipy')
# By the start of torch's version: constraints/ pins the rest.
STACKS = {'2.11.': 'current', '2.1.': 'classic'}


def describe_environment():
    """Return versions, threads, GPUs and the kernels of the deformable convolution.

    The deformable convolution runs on each device that is named.

    Returns:
        Dict[str, str]: in the order to be shown.

    Raises:
        InputError: it does not run, computes wrong results, or ``HACDR_MDCONV`` names a
            kernel that cannot run here.
    """
    lines = {'hacdr': hacdr.__version__, 'Python': platform.python_version()}
    lines['stack'] = next(
        (name for start, name in STACKS.items() if torch.__version__.startswith(start)),
        'none of the two that are tested (see docs/install.md)',
    )
    for name in PACKAGES:
        lines[name] = describe_version(name)
    lines['operators of mmcv'] = _describe_operators()
    lines['threads'] = str(torch.get_num_threads())
    devices = ['cpu']
    lines['GPU'] = _describe_gpus()
    if torch.cuda.is_available():
        devices.append('cuda')
    for device in devices:
        lines[f'kernel on {device}'] = _run_kernels(device)
    return lines


def _describe_operators():
    from mmcv import _ext

    if not getattr(_ext, 'OPERATORS', True):
        return 'none, a stand-in names any that is called'
    cuda = _ext.get_compiling_cuda_version()
    return 'compiled' + (
        ' for the CPU' if cuda == 'not available' else f', CUDA {cuda}'
    )


def _describe_gpus():
    """Name the GPUs; those that torch cannot use with what torch needs."""
    if not torch.cuda.is_available():
        found = _ask_nvidia_smi()
        if not found:
            return 'none'
        needed = torch.version.cuda
        needed = (
            f'is built for CUDA {needed}' if needed else 'is built for the CPU only'
        )
        return f'{found} cannot be used: torch {torch.__version__} {needed}'
    count = torch.cuda.device_count()
    names = sorted({torch.cuda.get_device_name(i) for i in range(count)})
    line = f'{count} x {", ".join(names)}'
    oldest = _oldest_capability()
    for i in range(count):
        capability = torch.cuda.get_device_capability(i)
        if capability < oldest:
            have, need = (
                '.'.join(map(str, version)) for version in (capability, oldest)
            )
            line += (
                f'; cuda:{i} cannot be used: compute capability {have}, '
                f'torch {torch.__version__} needs {need}'
            )
    return line


def _oldest_capability():
    """Return the oldest card that torch has kernels for, as (major, minor)."""
    names = [name for name in torch.cuda.get_arch_list() if name.startswith('sm_')]
    numbers = [int(''.join(filter(str.isdigit, name))) for name in names]
    return divmod(min(numbers), 10) if numbers else (0, 0)


def _ask_nvidia_smi():
    """Return the names of the machine's cards and their driver; '' without any."""
    if not shutil.which('nvidia-smi'):
        return ''
    try:
        said = subprocess.run(
            ['nvidia-smi', '--query-gpu=name,driver_version', '--format=csv,noheader'],
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ''
    cards = sorted(set(said.stdout.split('\n')[:-1])) if said.returncode == 0 else []
    return '; '.join(card.replace(', ', ' with driver ', 1) for card in cards)


def _run_kernels(device):
    """Run the deformable convolution of both kinds and name their kernels."""
    try:
        depthwise, others = (choose_kernel(device, case) for case in (True, False))
    except ValueError as error:
        raise InputError(str(error)) from None
    x = torch.rand(1, 2, 3, 3).to(device)
    offset, mask = x.new_zeros(1, 2, 3, 3), x.new_ones(1, 1, 3, 3)
    # A single tap that is not displaced: the sum of the channels, or each by itself.
    for weight, groups, expected in (
        (x.new_ones(2, 1, 1, 1), 2, x),
        (x.new_ones(2, 2, 1, 1), 1, x.sum(1, keepdim=True).expand_as(x)),
    ):
        try:
            out = modulated_deform_conv2d(x, offset, mask, weight, groups=groups)
        except Exception as error:
            raise InputError(
                f'the deformable convolution does not run on {device}: '
                f'{first_line(error)}'
            ) from None
        if not torch.allclose(out, expected, atol=1e-3):
            raise InputError(
                f'the deformable convolution computes wrong results on {device}'
            )
    if depthwise == others:
        return depthwise
    return f'{depthwise} (depthwise), {others} (others)'
