"""Checkpoints: loaded whole or refused with what does not fit."""

from __future__ import annotations

import json
import os.path as osp
from typing import Sequence

import torch
from mmcv import Config
from mmcv.runner.checkpoint import CheckpointLoader
from torch import nn

from hacdr.engine.safe_loading import read_published, restrict_loading, unreadable
from hacdr.engine.stored_config import parse_config, prediction_config
from hacdr.errors import InputError
from hacdr.files import file_sha256, write_bytes


def require_checkpoint(path: str) -> None:
    """Refuse a file that is not there; addresses are looked up later.

    Raises:
        InputError: no such file.
    """
    if '://' not in path and not osp.isfile(path):
        raise InputError(f'{path}: no such checkpoint file')


def read_checkpoint(path: str) -> dict:
    """Read a checkpoint file to the CPU; runs no code that it may hold.

    Args:
        path (str): file name, .safetensors too, or an address that mmcv knows.

    Returns:
        dict: the checkpoint, or a state dict alone.

    Raises:
        InputError: the file is missing, unreadable, holds no dict, or more than tensors
            and plain values.
    """
    require_checkpoint(path)
    if path.endswith('.safetensors'):
        return read_published(path)
    try:
        with restrict_loading():
            checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error
    if not isinstance(checkpoint, dict):
        raise InputError(
            f'{path}: a {type(checkpoint).__name__}, expected a dict of weights'
        )
    return checkpoint


def publish_weights(
    checkpoint: dict,
    path: str,
    thresholds: dict[str, float] | None = None,
    config: Config | None = None,
    trained_diameter: float | None = None,
) -> str:
    """Write the weights of a checkpoint in half precision, and what they need.

    With them come the names and colours of the classes, the number of iterations and
    what prediction needs of the config (network and test pipeline, no paths).

    Values nearer to zero than 3e-8 become zero, which a network does not notice:
    normalisations add 1e-5 to every variance, and beside other weights they count for
    nothing.

    Args:
        checkpoint (dict): as :func:`read_checkpoint` returns it.
        path (str): file to write, .safetensors; it appears whole or not at all.
        thresholds (dict[str, float], optional): lesion -> working threshold, to come
            with the weights; by default those that are in the checkpoint.
        config (mmcv.Config, optional): the config of the training; by default the one
            in the checkpoint.
        trained_diameter (float, optional): of the field of view in the photographs of
            the training, in pixels, as the network saw them; smaller ones are warned of
            at prediction. By default the one in the checkpoint.

    Returns:
        str: its sha256.

    Raises:
        InputError: ``path`` has another suffix, a value is too large for half precision
            or no number, or the checkpoint's config is more than plain values.
    """
    from safetensors.torch import save

    if not path.endswith('.safetensors'):
        raise InputError(f'{path}: expected a name that ends in .safetensors')
    weights = {
        name: _half(tensor, name) if tensor.is_floating_point() else tensor
        for name, tensor in checkpoint.get('state_dict', checkpoint).items()
    }
    meta = checkpoint.get('meta', {})
    kept = ('CLASSES', 'PALETTE', 'iter', 'thresholds', 'trained_diameter')
    kept = {key: meta[key] for key in kept if key in meta}
    if thresholds is not None:
        kept['thresholds'] = thresholds
    if trained_diameter is not None:
        kept['trained_diameter'] = trained_diameter
    if config is None and meta.get('config'):
        config = parse_config(meta['config'], path)
    if config is not None:
        kept['config'] = prediction_config(config)
    # Its own writing would tell a full disk by an exception of its own.
    write_bytes(path, save(weights, {'meta': json.dumps(kept)}))
    return file_sha256(path)


def _half(tensor, name):
    half = tensor.half()
    lost = tensor[~torch.isfinite(half)]
    if len(lost):
        raise InputError(
            f'{name}: {lost[0].item():g} cannot be published in half precision, '
            f'expected at most {torch.finfo(torch.half).max:g}'
        )
    return half


def load_weights(model: nn.Module, path: str) -> dict:
    """Load a checkpoint into a model that it fits entirely.

    Args:
        model (nn.Module): the model.
        path (str): checkpoint file.

    Returns:
        dict: the checkpoint's meta data.

    Raises:
        InputError: the file is missing, unreadable or does not fit.
    """
    checkpoint = read_checkpoint(path)
    state_dict = checkpoint.get('state_dict', checkpoint)
    load_state_dict_strictly(model, state_dict, path)
    return checkpoint.get('meta', {})


def load_state_dict_strictly(
    model: nn.Module, state_dict: dict[str, torch.Tensor], source: str
) -> None:
    """Load tensors by name; every name and shape must fit.

    Args:
        model (nn.Module): the model, or its (distributed) data parallel wrapper.
        state_dict (dict[str, Tensor]): the weights.
        source (str): where they come from, for the error.

    Raises:
        InputError: with the numbers of weights missing, unknown and of another
            shape, and the first of each.
    """
    model = getattr(model, 'module', model)
    state_dict = strip_module(state_dict)
    own = model.state_dict()
    problems = []
    missing = [name for name in own if name not in state_dict]
    unknown = [name for name in state_dict if name not in own]
    reshaped = [
        f'{name} {tuple(state_dict[name].shape)} instead of {tuple(own[name].shape)}'
        for name in own
        if name in state_dict and state_dict[name].shape != own[name].shape
    ]
    for kind, names in (
        ('missing', missing),
        ('unknown', unknown),
        ('of another shape', reshaped),
    ):
        if names:
            problems.append(f'{len(names)} {kind} (first: {names[0]})')
    if problems:
        raise InputError(
            f'{source}: checkpoint of another architecture; of {len(own)} weights '
            f'expected: {"; ".join(problems)}'
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state_dict[name])


def strip_module(state_dict: dict) -> dict:
    """Return weights by their names without what a data parallel wrapper adds."""
    return {
        name[len('module.') :] if name.startswith('module.') else name: tensor
        for name, tensor in state_dict.items()
    }


def check_classes(meta: dict, classes: Sequence[str], path: str) -> None:
    """Refuse a checkpoint that was trained for other classes.

    Args:
        meta (dict): the checkpoint's meta data; without CLASSES nothing is checked.
        classes (Sequence[str]): the classes of the data.
        path (str): the checkpoint, for the error.

    Raises:
        InputError: the classes differ.
    """
    trained = meta.get('CLASSES')
    if trained is not None and tuple(trained) != tuple(classes):
        raise InputError(
            f'{path}: trained for the classes {", ".join(trained)}, expected '
            f'{", ".join(classes)}'
        )
