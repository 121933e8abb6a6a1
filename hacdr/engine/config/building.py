"""What a config describes, built."""

from __future__ import annotations

import copy
import os.path as osp
from typing import Any

from mmcv import Config
from mmseg.datasets import build_dataset
from mmseg.models import build_segmentor
from torch import nn
from torch.utils.data import Dataset

from hacdr.datasets.classes import dataset_class, unwrap_dataset
from hacdr.errors import InputError, first_line


def build_network(cfg: Config) -> nn.Module:
    """Build the segmentor of a config.

    Args:
        cfg (mmcv.Config): a checked config.

    Returns:
        nn.Module: with random weights, on the CPU.

    Raises:
        InputError: a part of the model refuses its arguments.
    """
    try:
        return build_segmentor(
            cfg.model, train_cfg=cfg.get('train_cfg'), test_cfg=cfg.get('test_cfg')
        )
    except (TypeError, ValueError) as error:
        # Of another type, mostly an argument that is missing.
        raise InputError(f'config: model: {first_line(error)}') from error


def build_data(data: dict | list[dict], where: str, **defaults: Any) -> Dataset:
    """Build a dataset.

    Args:
        data (dict | list[dict]): its part of a checked config.
        where (str): the key of that part, for errors.
        **defaults: arguments that the part does not have.

    Returns:
        Dataset: mmseg's, or one of its wrappers.

    Raises:
        InputError: a file or folder is missing, or the data set or a pipeline step
            refuses its arguments.
    """
    inner = unwrap_dataset(data)
    if not hasattr(dataset_class(inner), 'choose_classes'):
        # mmseg's data sets look for them when they have begun to load.
        _require_folders(inner, where)
    try:
        return build_dataset(copy.deepcopy(data), defaults)
    except (FileNotFoundError, AssertionError, TypeError, ValueError) as error:
        raise InputError(f'{where}: {first_line(error)}') from error


def _require_folders(data, where):
    for key in ('img_dir', 'ann_dir'):
        if isinstance(data.get(key), str):
            folder = osp.join(data.get('data_root') or '', data[key])
            if not osp.isdir(folder):
                raise InputError(f'{where}.{key}: {folder}: no such folder')
