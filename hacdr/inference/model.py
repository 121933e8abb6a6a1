"""A model ready to predict, from a config and a checkpoint."""

import torch
from mmcv.cnn.utils import revert_sync_batchnorm
from mmcv.runner import wrap_fp16_model
from mmseg.datasets import DATASETS

from hacdr.engine.config import build_network, check_config, load_config
from hacdr.engine.weights import check_classes, load_weights
from hacdr.errors import InputError


def init_model(config, checkpoint, device='cuda:0', options=None):
    """Build the model of a config and load a checkpoint into it.

    Args:
        config (str): config file.
        checkpoint (str): checkpoint file; must fit the model entirely.
        device (str): 'cpu', 'cuda:0', ...
        options (dict, optional): changes to the config, dotted key -> value.

    Returns:
        nn.Module: the segmentor in evaluation mode, with CLASSES, PALETTE, cfg, and
        thresholds: lesion -> working threshold published with the weights, or None.

    Raises:
        InputError: config or checkpoint is bad, they do not fit each other, or there is
            no such device.
    """
    _check_device(device)
    cfg = load_config(config, options)
    check_config(cfg)
    model = load_network(cfg, checkpoint, DATASETS.get(cfg.data.test.type))
    model.cfg = cfg
    return revert_sync_batchnorm(model).to(device).eval()


def load_network(cfg, checkpoint, dataset):
    """Build the network of a config for predictions and load a checkpoint into it.

    Args:
        cfg (mmcv.Config): a checked config; its model loses 'pretrained' and
            'train_cfg'.
        checkpoint (str): checkpoint file; must fit the model entirely.
        dataset (type | Dataset): what has the CLASSES that it is for, and a PALETTE.

    Returns:
        nn.Module: the segmentor on the CPU with CLASSES, PALETTE and thresholds, see
        :func:`init_model`.

    Raises:
        InputError: the checkpoint is bad, or not for this config or these classes.
    """
    cfg.model.pretrained = None
    cfg.model.train_cfg = None
    model = build_network(cfg)
    if cfg.get('fp16') is not None:
        wrap_fp16_model(model)
    meta = load_weights(model, checkpoint)
    check_classes(meta, dataset.CLASSES, checkpoint)
    model.CLASSES, model.PALETTE = dataset.CLASSES, dataset.PALETTE
    model.thresholds = meta.get('thresholds')
    return model


def _check_device(device):
    try:
        parsed = torch.device(device)
    except RuntimeError:
        parsed = None
    count = torch.cuda.device_count()
    if parsed is None or (parsed.type == 'cuda' and (parsed.index or 0) >= count):
        raise InputError(
            f"device {device}: no such device; expected 'cpu' or one of {count} GPUs, "
            "'cuda:0' the first"
        )
