"""What this package finds on a machine."""

import importlib
import platform

import torch

import hacdr
from hacdr.errors import InputError
from hacdr.ops import choose_kernel

PACKAGES = ('torch', 'torchvision', 'mmcv', 'mmseg', 'numba', 'numpy', 'cv2', 'scipy')


def describe_environment():
    """Return versions, threads, GPUs and the kernels of the deformable convolution.

    Returns:
        Dict[str, str]: in the order to be shown.

    Raises:
        InputError: mmcv's compiled operators do not load, or ``HACDR_MDCONV`` names a
            kernel that cannot run here.
    """
    lines = {'hacdr': hacdr.__version__, 'Python': platform.python_version()}
    for name in PACKAGES:
        try:
            lines[name] = importlib.import_module(name).__version__
        except ImportError as error:
            lines[name] = f'missing ({error})'
    lines['compiled operators of mmcv'] = _run_operator()
    lines['threads'] = str(torch.get_num_threads())
    devices = ['cpu']
    if torch.cuda.is_available():
        devices.append('cuda')
        count = torch.cuda.device_count()
        names = {torch.cuda.get_device_name(i) for i in range(count)}
        lines['GPU'] = f'{count} x {", ".join(sorted(names))}'
    else:
        lines['GPU'] = 'none'
    for device in devices:
        try:
            depthwise, others = (choose_kernel(device, case) for case in (True, False))
        except ValueError as error:
            raise InputError(str(error)) from None
        lines[f'kernel on {device}'] = (
            depthwise
            if depthwise == others
            else f'{depthwise} (depthwise), {others} (others)'
        )
    return lines


def _run_operator():
    try:
        from mmcv.ops import modulated_deform_conv2d

        x = torch.ones(1, 1, 2, 2)
        out = modulated_deform_conv2d(
            x, x.new_zeros(1, 2, 2, 2), x, x.new_ones(1, 1, 1, 1), None, 1, 0, 1, 1, 1
        )
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"mmcv's modulated_deform_conv2d does not run ({error}): install mmcv-full "
            'built for this torch'
        ) from None
    if not torch.equal(out, x):
        raise InputError("mmcv's modulated_deform_conv2d computes wrong results")
    return 'load and compute'
