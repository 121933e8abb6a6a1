"""Parts of a config that must fit each other: data, network and scores."""

from __future__ import annotations

from typing import Sequence

from mmcv import Config
from mmseg.datasets import CustomDataset
from mmseg.models.builder import MODELS

from hacdr.datasets.classes import classes_of, dataset_class
from hacdr.errors import InputError
from hacdr.models.segmentors import LesionEncoderDecoder

from .keys import find_class
from .values import as_list

# What mmseg's own datasets score.
MMSEG_METRICS = ('mIoU', 'mDice', 'mFscore')


def check_metrics(metrics: str | Sequence[str], data: dict, where: str) -> None:
    """Refuse metrics that a dataset does not know.

    Args:
        metrics (str | Sequence[str]): names of metrics.
        data (dict): config of the dataset; one that does not tell its metrics is not
            checked.
        where (str): where they were given, for the error.

    Raises:
        InputError: an unknown metric.
    """
    kind = dataset_class(data)
    expected = getattr(kind, 'METRICS', None)
    if getattr(kind, 'evaluate', None) is CustomDataset.evaluate:
        expected = MMSEG_METRICS
    for metric in as_list(metrics):
        if expected is not None and metric not in expected:
            raise InputError(
                f'{where}: unknown metric {metric}, {kind.__name__} has '
                f'{", ".join(expected)}'
            )


def check_output(
    cfg: Config, metrics: str | Sequence[str], data: dict, where: str
) -> None:
    """Refuse metrics that need something else than what the network returns.

    Args:
        cfg (mmcv.Config): the config; its model counts.
        metrics (str | Sequence[str]): names of metrics.
        data (dict): config of the dataset that scores.
        where (str): where the metrics were given, for the error.

    Raises:
        InputError: average precision of label maps, or probabilities for a dataset
            that scores label maps.
    """
    kind = dataset_class(data)
    labels = _returns_labels(cfg)
    if labels and hasattr(kind, 'choose_classes') and 'mAUPR' in as_list(metrics):
        raise InputError(
            f'{where}: mAUPR needs probabilities, and the network returns label maps; '
            "expected LesionEncoderDecoder with model.test_cfg.output='prob'"
        )
    if labels is False and getattr(kind, 'pre_eval', 0) is CustomDataset.pre_eval:
        raise InputError(
            f"model.test_cfg.output is 'prob', but {kind.__name__} scores label maps; "
            "expected 'label'"
        )


def _returns_labels(cfg):
    """Tell whether a network returns label maps; None of one that we do not know."""
    segmentor = find_class(cfg.model['type'], MODELS, 'model.type')
    if issubclass(segmentor, LesionEncoderDecoder):
        return find_test_cfg(cfg).get('output', 'label') == 'label'
    return True if segmentor.__module__.startswith('mmseg.') else None


def find_test_cfg(cfg: Config) -> dict:
    """Return what a config says of predictions: it may stand at either of two keys."""
    return cfg.model.get('test_cfg') or cfg.get('test_cfg') or {}


def check_class_counts(model: dict, data: dict | list[dict], where: str) -> None:
    """Compare the classes of a dataset with those of heads and losses.

    Args:
        model (dict): the config's model.
        data (dict | list[dict]): config of the dataset.
        where (str): where it stands, for the error.

    Raises:
        InputError: another number of classes, or of values that are one for each.
    """
    classes = classes_of(data).names
    if not classes:
        return
    for name in ('decode_head', 'auxiliary_head'):
        part = f'model.{name}'
        for head in as_list(model.get(name)):
            count = head.get('num_classes')
            if count is not None and count != len(classes):
                raise InputError(
                    f'{part}.num_classes is {count}, but '
                    f'{dataset_class(data).__name__} of {where} has {len(classes)} '
                    f'classes: {", ".join(map(str, classes))}'
                )
            _check_lengths(head, classes, part)
            for loss in as_list(head.get('loss_decode')):
                _check_lengths(loss, classes, f'{part}.loss_decode')


def _check_lengths(part, classes, where):
    """Refuse lists of a head or a loss that have not one value for each class."""
    for key in ('class_weight', 'cls_num_list', 'class_prior'):
        values = part.get(key)
        if isinstance(values, (list, tuple)) and len(values) != len(classes):
            raise InputError(
                f'{where}.{key} has {len(values)} values, expected {len(classes)}, one '
                f'for each of {", ".join(map(str, classes))}'
            )


def check_same_classes(data: dict) -> None:
    """Refuse to evaluate on other classes than those trained.

    Args:
        data (dict): the config's data.

    Raises:
        InputError: they differ.
    """
    if 'train' not in data or 'val' not in data:
        return
    trained, evaluated = (classes_of(data[split]).names for split in ('train', 'val'))
    if trained and evaluated and trained != evaluated:
        raise InputError(
            f'data.val has the classes {", ".join(map(str, evaluated))}, expected '
            f'{", ".join(map(str, trained))} as data.train has'
        )


def check_best(evaluation: dict, data: dict) -> None:
    """Check how an evaluation chooses the best checkpoint.

    Args:
        evaluation (dict): the config's evaluation.
        data (dict): config of the dataset; others than ours are not checked.

    Raises:
        InputError: by a score that is not computed, or the lowest one.
    """
    best = evaluation.get('save_best')
    if best is None or not hasattr(dataset_class(data), 'choose_classes'):
        return
    metrics = as_list(evaluation.get('metric'))
    if best not in metrics:
        raise InputError(
            f'evaluation.save_best is {best!r}, expected one of evaluation.metric: '
            f'{", ".join(metrics)}'
        )
    if evaluation.get('rule') != 'greater':
        raise InputError(
            f"evaluation.rule is {evaluation.get('rule')!r}, expected 'greater' for "
            f'{best}'
        )
