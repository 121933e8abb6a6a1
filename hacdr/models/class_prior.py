"""Classifiers that begin by predicting each class's share of the pixels."""

from __future__ import annotations

import math
from typing import Sequence

import torch
import torch.nn as nn
from mmcv.cnn import INITIALIZERS


def set_class_prior(classifier: nn.Conv2d, class_prior: Sequence[float]) -> None:
    """Set a classifier's bias to the logarithm of each class's share.

    Args:
        classifier (nn.Conv2d): its outputs are the logits; with a single one, that of
            the second of two classes.
        class_prior (Sequence[float]): share of pixels or pixel count of each class,
            more than 0.

    Raises:
        ValueError: see :func:`check_class_prior`.
    """
    check_class_prior(class_prior, max(2, classifier.out_channels))
    total = sum(class_prior)
    logits = [math.log(share / total) for share in class_prior]
    if classifier.out_channels == 1:
        logits = [logits[1] - logits[0]]
    with torch.no_grad():
        classifier.bias.copy_(classifier.bias.new_tensor(logits))


def check_class_prior(class_prior: Sequence[float], classes: int) -> None:
    """Refuse what is not one positive number for each of ``classes`` classes.

    Raises:
        ValueError: another count, or a number that is not positive.
    """
    if len(class_prior) != classes or min(class_prior) <= 0:
        raise ValueError(
            f'class_prior must be a positive number for each of {classes} classes, '
            f'got {class_prior}'
        )


@INITIALIZERS.register_module(name='ClassPrior')
class ClassPriorInit:
    """``class_prior`` of AdaptiveAggregationHead for any head of mmseg, by config.

    ``init_cfg=dict(type='ClassPrior', class_prior=[...])`` in place of mmseg's own,
    which starts the classifier's weights from N(0, 0.01), as this does, and its bias
    at zero.

    Args:
        class_prior (Sequence[float]): see :func:`set_class_prior`.
    """

    def __init__(self, class_prior: Sequence[float]) -> None:
        self.class_prior = class_prior

    def __call__(self, head: nn.Module) -> None:
        """Initialise ``head.conv_seg``."""
        nn.init.normal_(head.conv_seg.weight, std=0.01)
        set_class_prior(head.conv_seg, self.class_prior)

    def _get_init_info(self):
        return f'{type(self).__name__}: class_prior={self.class_prior}'
