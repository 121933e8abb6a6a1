"""Weights that a training starts from: of another training, whole or in part.

Of the checkpoint at least half must have a place in the network, and nothing that has
one may be of another shape: then it is one of another network, and training would start
from random weights as if nothing had been given. The classifier (``conv_seg``) is left
out where the checkpoint was trained for other classes. An infinite running variance
starts at 65504, the largest number of half precision.
"""

import torch

from hacdr.engine.weights import read_checkpoint, require_numbers
from hacdr.errors import InputError
from hacdr.models.weight_names import strip_module

HALF_MAX = torch.finfo(torch.half).max


def load_start(model, path, logger=None):
    """Start a network from the weights of a checkpoint that fit it, see above.

    Args:
        model (nn.Module): the network, or its (distributed) data parallel wrapper;
            its CLASSES, if it has them, are compared with those of the checkpoint.
        path (str): file, or an address that mmcv knows.
        logger (logging.Logger, optional): to which it says in one line what was loaded.

    Returns:
        dict: the checkpoint.

    Raises:
        InputError: it is missing, damaged, of another network, or of a training that
            diverged.
    """
    checkpoint = read_checkpoint(path)
    model = getattr(model, 'module', model)
    own, given = model.state_dict(), _tensors(checkpoint, path)
    classes = getattr(model, 'CLASSES', None), _trained_classes(checkpoint)
    others = None not in classes and tuple(classes[0]) != tuple(classes[1])
    used = find_matching(own, given, path, others)
    require_numbers({name: given[name] for name in used}, path)
    with torch.no_grad():
        for name in used:
            own[name].copy_(given[name])
            if name.endswith('running_var'):
                # No momentum brings an infinite variance back, and its channel would be
                # silent for ever. Some were rounded so: to half precision.
                own[name].masked_fill_(own[name].isinf(), HALF_MAX)
    untouched = [name for name in own if name not in used]
    left = [name for name in given if name not in used]
    if logger is not None:
        logger.info(
            '%s: starts with %d of %d weights%s%s',
            path,
            len(used),
            len(own),
            _name_first('not in the checkpoint or of other classes', untouched),
            _name_first('of the checkpoint left aside', left),
        )
    return checkpoint


def find_matching(own, given, source, other_classes=False):
    """Find the weights of a checkpoint that a network can start from, see above.

    Args:
        own, given (dict[str, Tensor]): those of the network and of the checkpoint.
        source (str): the checkpoint, for errors.
        other_classes (bool): whether it was trained for other classes than the
            network is for.

    Returns:
        list[str]: their names.

    Raises:
        InputError: the checkpoint is of another network.
    """
    shared = [name for name in given if name in own]
    if not shared or 2 * len(shared) < len(given):
        raise InputError(
            f'{source}: checkpoint of another network, which has {len(shared)} of its '
            f'{len(given)} weights (the first is {next(iter(given), "none")}, expected '
            f'names such as {next(iter(own))})'
        )
    used = []
    for name in shared:
        if other_classes and _is_classifier(name):
            continue
        if own[name].shape == given[name].shape:
            used.append(name)
        elif not _is_classifier(name):
            raise InputError(
                f'{source}: checkpoint of another network: {name} is '
                f'{tuple(given[name].shape)}, expected {tuple(own[name].shape)}'
            )
    return used


def check_pretrained(model):
    """Check what ``init_cfg=dict(type='Pretrained')`` of a network will load.

    Args:
        model (nn.Module): built, not initialised.

    Raises:
        InputError: a checkpoint is missing, damaged, or not for its part.
    """
    for module in model.modules():
        settings = getattr(module, 'init_cfg', None) or []
        for init_cfg in [settings] if isinstance(settings, dict) else settings:
            if init_cfg.get('type') != 'Pretrained':
                continue
            path, prefix = init_cfg['checkpoint'], init_cfg.get('prefix') or ''
            if prefix and not prefix.endswith('.'):
                prefix += '.'
            weights = {
                name[len(prefix) :]: tensor
                for name, tensor in _tensors(read_checkpoint(path), path).items()
                if name.startswith(prefix)
            }
            find_matching(module.state_dict(), weights, path)


def _tensors(checkpoint, source):
    state_dict = checkpoint.get('state_dict', checkpoint)
    if not isinstance(state_dict, dict):
        raise InputError(f'{source}: holds no weights by their names')
    return strip_module(
        {
            name: tensor
            for name, tensor in state_dict.items()
            if isinstance(name, str) and isinstance(tensor, torch.Tensor)
        }
    )


def _trained_classes(checkpoint):
    meta = checkpoint.get('meta')
    return meta.get('CLASSES') if isinstance(meta, dict) else None


def _is_classifier(name):
    return 'conv_seg' in name.split('.')


def _name_first(what, names):
    return f'; {len(names)} {what} (first: {names[0]})' if names else ''
