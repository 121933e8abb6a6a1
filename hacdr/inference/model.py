"""A model ready to predict, from a config and a checkpoint."""

from __future__ import annotations

from typing import Any

import torch
from mmcv import Config
from mmcv.cnn.utils import revert_sync_batchnorm
from mmcv.runner import wrap_fp16_model
from torch import nn
from torch.utils.data import Dataset

from hacdr.datasets.classes import classes_of
from hacdr.engine.config import (
    apply_options,
    build_network,
    check_config,
    check_prediction,
    load_config,
)
from hacdr.engine.config.values import shorten
from hacdr.engine.publishing import check_diameter
from hacdr.engine.stored_config import parse_config
from hacdr.engine.weights import check_classes, load_weights, read_checkpoint
from hacdr.errors import InputError


def init_model(
    config: str | None,
    checkpoint: str,
    device: str = 'cuda:0',
    options: dict | None = None,
) -> nn.Module:
    """Build the model of a config and load a checkpoint into it.

    Args:
        config (str | None): config file; None takes the config that the checkpoint
            carries, as published weights and checkpoints of a training do.
        checkpoint (str): checkpoint file; must fit the model entirely.
        device (str): 'cpu', 'cuda:0', ...
        options (dict, optional): changes to the config, dotted key -> value.

    Returns:
        nn.Module: the segmentor in evaluation mode, with CLASSES, PALETTE, cfg, and
        what was published with the weights, or None: thresholds (lesion -> working
        threshold) and trained_diameter (of the field of view, in pixels).

    Raises:
        InputError: config or checkpoint is bad, they do not fit each other, the
            checkpoint carries no config, or there is no such device.
    """
    _check_device(device)
    if config is None:
        cfg = load_config_of(checkpoint, options)
    else:
        cfg = load_config(config, options)
        check_config(cfg, training=False)
    model = load_network(cfg, checkpoint)
    model.cfg = cfg
    return revert_sync_batchnorm(model).to(device).eval()


def load_config_of(checkpoint: str, options: dict | None = None) -> Config:
    """Return the config that a checkpoint carries.

    Args:
        checkpoint (str): checkpoint file.
        options (dict, optional): changes to it, dotted key -> value.

    Returns:
        mmcv.Config: with at least what prediction needs, which is checked.

    Raises:
        InputError: it carries none, one that is more than plain values, or a bad one.
    """
    text = read_checkpoint(checkpoint).get('meta', {}).get('config')
    if not text:
        raise InputError(
            f'{checkpoint}: no config came with these weights; pass the config file '
            'they were trained with'
        )
    cfg = Config(parse_config(text, checkpoint))
    apply_options(cfg, options)
    try:
        check_prediction(cfg)
    except InputError as error:
        raise InputError(f'{checkpoint}: its config: {error}') from error
    return cfg


def load_network(
    cfg: Config, checkpoint: str, dataset: Dataset | None = None
) -> nn.Module:
    """Build the network of a config for predictions and load a checkpoint into it.

    Args:
        cfg (mmcv.Config): a checked config; its model loses 'pretrained' and
            'train_cfg'.
        checkpoint (str): checkpoint file; must fit the model entirely.
        dataset (Dataset, optional): what has the CLASSES that it is for, and a
            PALETTE; by default they are those that the checkpoint was trained for, or
            of the config where it does not say.

    Returns:
        nn.Module: the segmentor on the CPU with CLASSES, PALETTE, thresholds and
        trained_diameter, see :func:`init_model`.

    Raises:
        InputError: the checkpoint is bad, or not for this config or these classes.
    """
    cfg.model.pretrained = None
    cfg.model.train_cfg = None
    model = build_network(cfg)
    if cfg.get('fp16') is not None:
        wrap_fp16_model(model)
    meta = load_weights(model, checkpoint)
    if dataset is not None:
        check_classes(meta, dataset.CLASSES, checkpoint)
        model.CLASSES, model.PALETTE = dataset.CLASSES, dataset.PALETTE
    else:
        choice = classes_of(cfg.data.test)
        model.CLASSES, model.PALETTE = check_named(
            meta.get('CLASSES') or choice.names,
            meta.get('PALETTE') or choice.palette,
            model.num_classes,
            checkpoint,
        )
    model.thresholds = meta.get('thresholds')
    model.trained_diameter = meta.get('trained_diameter')
    check_diameter(model.trained_diameter, checkpoint)
    return model


def check_named(
    classes: object, palette: Any, number: int, checkpoint: str
) -> tuple[tuple[str, ...], list[list[int]]]:
    """Check what a checkpoint says of the classes.

    Args:
        classes (object): what should be their names.
        palette (object): what should be the RGB colour of each.
        number (int): how many the network tells apart.
        checkpoint (str): for the error.

    Returns:
        Tuple[Tuple[str, ...], List[List[int]]]: names and colours.

    Raises:
        InputError: they are something else, or of more or fewer classes.
    """
    if not (
        isinstance(classes, (list, tuple))
        and all(isinstance(name, str) for name in classes)
        and len(classes) == number
    ):
        raise InputError(
            f'{checkpoint}: its classes are {shorten(classes)}, expected the names of '
            f'the {number} that the network tells apart'
        )
    try:
        colours = [[int(value) for value in colour] for colour in palette]
    except (TypeError, ValueError):
        colours = []
    if [len(colour) for colour in colours] != [3] * number:
        raise InputError(
            f'{checkpoint}: its palette is {shorten(palette)}, expected red, green and '
            f'blue for each of {number} classes'
        )
    return tuple(classes), colours


def _check_device(device):
    try:
        # torch knows the names of many devices that this machine lacks, and of one
        # that gives nothing back.
        torch.zeros(1, device=device).cpu()
    except Exception as error:
        raise InputError(
            f"device {device}: no such device; expected 'cpu' or one of "
            f"{torch.cuda.device_count()} GPUs, 'cuda:0' the first"
        ) from error
