"""Show versions, GPUs and the kernels that would run."""

import platform

import hacdr
from hacdr.stack import NEEDED, describe_version, find_missing, read_version


def add_arguments(parser):
    """Add nothing: there is nothing to choose."""


def run(args):
    for name, value in _describe().items():
        print(f'{name + ":":<28}{value}')


def _describe():
    if find_missing():
        return _describe_predictions()
    hacdr.register_parts()
    from hacdr.engine.environment import describe_environment

    return describe_environment()


def _describe_predictions():
    """Return versions where torch is missing, but an exported network may run."""
    lines = {'hacdr': hacdr.__version__, 'Python': platform.python_version()}
    for name in NEEDED:
        lines[name] = read_version(name) or 'missing'
    for name in ('numpy', 'cv2', 'numba', 'onnxruntime'):
        lines[name] = describe_version(name)
    return lines
