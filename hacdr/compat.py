"""Patches of mmcv 1.x for newer versions of torch, yapf and Python.

Each function patches one thing, only where it is needed, and returns whether it did.
``import hacdr`` applies them all and logs once what it did.
"""

import importlib.util
import logging
import pkgutil

import torch
from mmcv.parallel import _functions as scatter_functions
from mmcv.parallel import distributed
from mmcv.runner.checkpoint import CheckpointLoader
from mmcv.runner.optimizer import default_constructor
from mmcv.utils import config as config_module

logger = logging.getLogger('hacdr')


def apply():
    """Apply every patch that is needed."""
    patches = (
        set_replicated_module_flag,
        pass_devices_to_scatter,
        load_checkpoints_with_any_meta,
        drop_verify_of_yapf,
        replace_search_for_operators,
    )
    done = [patch.__name__ for patch in patches if patch()]
    if done:
        logger.info('patches of mmcv 1.x: %s', ', '.join(done))


def set_replicated_module_flag():
    """Let models train distributed: torch >= 2.1 dropped a flag that mmcv reads."""
    wrapper = distributed.MMDistributedDataParallel
    if hasattr(wrapper, '_use_replicated_tensor_module'):
        return False
    wrapper._use_replicated_tensor_module = False
    return True


def pass_devices_to_scatter():
    """Let mmcv copy to a GPU: torch >= 2.1 wants a device and not its number."""
    original = scatter_functions._get_stream
    if hasattr(original, 'wrapped'):
        return False

    def get_stream(device):
        if isinstance(device, int):
            device = (
                torch.device('cuda', device) if device >= 0 else torch.device('cpu')
            )
        return original(device)

    get_stream.wrapped = original
    scatter_functions._get_stream = get_stream
    return True


def load_checkpoints_with_any_meta():
    """Let mmcv load its checkpoints: torch >= 2.6 by default loads tensors only.

    Checkpoints of mmcv 1.x hold meta data of any kind, as they always did. For tools of
    others: what hacdr reads itself goes by :mod:`hacdr.engine.safe_loading`.
    """
    if torch_version() < (2, 6):
        return False

    @CheckpointLoader.register_scheme(prefixes='', force=True)
    def load_from_local(filename, map_location=None):
        return torch.load(filename, map_location=map_location, weights_only=False)

    return True


def drop_verify_of_yapf():
    """Let configs print themselves: yapf >= 0.40.2 dropped an argument.

    mmcv 1.7.2 asks for yapf's version itself, and imports it by name for that.
    """
    original = config_module.FormatCode
    if hasattr(config_module, 'yapf') or 'verify' in original.__code__.co_varnames:
        return False

    def format_code(text, verify=None, **kwargs):
        return original(text, **kwargs)

    config_module.FormatCode = format_code
    return True


def replace_search_for_operators():
    """Let ``paramwise_cfg`` build optimizers on Python >= 3.14.

    mmcv looks for its operators with ``pkgutil.find_loader``, which is gone.
    """
    if (
        hasattr(pkgutil, 'find_loader')
        or default_constructor.check_ops_exist is ops_exist
    ):
        return False
    default_constructor.check_ops_exist = ops_exist
    return True


def ops_exist():
    """Return whether ``mmcv.ops`` can be imported, with operators or the stand-in."""
    return importlib.util.find_spec('mmcv._ext') is not None


def torch_version():
    """Return torch's version as (major, minor)."""
    major, minor = torch.__version__.split('.')[:2]
    return int(major), int(minor)
