"""Checkpoints: loaded whole or refused with what does not fit."""

from __future__ import annotations

from typing import Sequence

import torch
from mmcv.runner.checkpoint import CheckpointLoader
from torch import nn

from hacdr.engine.publishing import read_published, unreadable
from hacdr.engine.safe_loading import restrict_loading
from hacdr.errors import InputError
from hacdr.files import require_checkpoint
from hacdr.models.weight_names import strip_module


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
    checkpoint = _read(path)
    if not isinstance(checkpoint, dict):
        raise InputError(
            f'{path}: a {type(checkpoint).__name__}, expected a dict of weights'
        )
    if not isinstance(checkpoint.get('state_dict', {}), dict):
        raise InputError(f'{path}: holds no weights by their names')
    if not isinstance(checkpoint.get('meta', {}), dict):
        # Others' programs write there what they like.
        checkpoint['meta'] = {}
    return checkpoint


def _read(path):
    if path.endswith('.safetensors') and '://' not in path:
        return read_published(path)
    try:
        # Of what it brings from an address, torch.load reads .safetensors here too.
        with restrict_loading():
            return CheckpointLoader.load_checkpoint(path, 'cpu', logger='silent')
    except InputError:
        raise
    except Exception as error:
        raise unreadable(path, error) from error


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
            shape, and the first of each; or one is not a number.
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
    require_numbers(state_dict, source)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(state_dict[name])


def require_numbers(state_dict: dict[str, torch.Tensor], source: str) -> None:
    """Refuse weights of a training that diverged: they predict no lesion anywhere.

    Infinite ones may be meant: hacdr_idrid_cpu has six such variances in three
    normalisations, stored in half precision, of channels that are silent in evaluation.

    Args:
        state_dict (dict[str, Tensor]): the weights.
        source (str): where they come from, for the error.

    Raises:
        InputError: one is not a number; names the first.
    """
    for name, tensor in state_dict.items():
        if torch.isnan(tensor).any():
            raise InputError(
                f'{source}: {name} holds values that are not numbers, expected '
                'weights of a training that did not diverge'
            )


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
