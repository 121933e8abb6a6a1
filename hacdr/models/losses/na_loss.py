"""NALoss: cross-entropy of noisy logits over the hardest pixels."""

from __future__ import annotations

import math
from typing import Any, Sequence

import torch
import torch.nn as nn
import torch.nn.functional as F
from mmseg.models.builder import LOSSES
from mmseg.models.losses.utils import get_class_weight, weight_reduce_loss


@LOSSES.register_module()
class NALoss(nn.Module):
    r"""Noise-adjusted loss for rare classes (HACDR-Net, AAAI 2024).

    Rare classes get more noise, so that the network has to hold a larger margin for
    them:

    .. math::
        w_c = \sum_k \log n_k - \log n_c, \quad
        z'_c = z_c + |\mathrm{clamp}(\varepsilon, -1, 1)| \, w_c / \sum_k w_k, \quad
        \varepsilon \sim N(0, \sigma^2)

    for logits z and pixel counts n, with one draw for each pixel and class. The loss
    is the mean cross-entropy of z' over the hard pixels: those whose score of the
    true class lies below ``thresh``, and in any case the ``min_kept`` pixels with the
    smallest scores, with all that tie with the last of them. A batch of no more than
    ``min_kept`` pixels counts but for its easiest one, as in the released code.

    ``mining`` says what the score is. 'prob', as the paper draws it, is the
    probability of the true class under z'; ``thresh`` is a probability, and the
    defaults are those of mmseg's OHEM. 'logit' is what the released code does: the
    noisy logit itself. A logit says little alone (adding a constant to all logits
    of a pixel changes its score and not its prediction) and ``thresh`` has then no
    scale of its own; use it to reproduce the release (``thresh=0.5``,
    ``min_kept=1000000``).

    Args:
        cls_num_list (sequence[float]): pixels of each class in the training data. 0,
            a class that never occurs, counts as 1.
        sigma (float): standard deviation of the noise before clamping. At 4, four
            fifths of the draws are clamped to 1.
        mining (str): 'prob' or 'logit'.
        thresh (float): pixels scored below count as hard.
        min_kept (int): pixels of a batch that count as hard at least.
        class_weight (sequence[float] | str | None): factor of each class, or a file
            with them, as in mmseg's losses.
        loss_weight (float): factor of the loss.
        loss_name (str): its name in the log. It contributes to the sum only if it
            contains 'loss'.

    Raises:
        ValueError: arguments outside their range, or scores of another number of
            classes than ``cls_num_list``.
    """

    def __init__(
        self,
        cls_num_list: Sequence[float],
        sigma: float = 4.0,
        mining: str = 'prob',
        thresh: float = 0.7,
        min_kept: int = 100000,
        class_weight: Sequence[float] | str | None = None,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_na',
    ) -> None:
        super().__init__()
        # No buffer: it belongs to the config, and mmcv saves even those that are not
        # persistent.
        self.noise_share = _noise_share(cls_num_list)
        if sigma < 0:
            raise ValueError(f'sigma must not be negative, got {sigma}')
        if mining not in ('prob', 'logit'):
            raise ValueError(f"mining must be 'prob' or 'logit', got {mining!r}")
        if mining == 'prob' and not 0 <= thresh <= 1:
            raise ValueError(
                f"thresh must be a probability with mining='prob', got {thresh}"
            )
        if min_kept < 0:
            raise ValueError(f'min_kept must not be negative, got {min_kept}')
        self.sigma = sigma
        self.mining = mining
        self.thresh = thresh
        self.min_kept = min_kept
        self.class_weight = get_class_weight(class_weight)
        self.loss_weight = loss_weight
        self._loss_name = loss_name

    @property
    def loss_name(self) -> str:
        """str: the loss's name in mmseg's log."""
        return self._loss_name

    def sample_noise(self, logits: torch.Tensor) -> torch.Tensor:
        """Draw N(0, sigma^2) in the shape of ``logits`` from torch's generator."""
        return torch.randn_like(logits) * self.sigma

    def forward(
        self,
        cls_score: torch.Tensor,
        label: torch.Tensor,
        weight: torch.Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
        ignore_index: int = 255,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Compute the loss.

        Args:
            cls_score (Tensor): logits, (B, C, H, W). Half precision is computed in
                float32.
            label (Tensor): classes, (B, H, W), integer.
            weight (Tensor | None): factor of each pixel, (B, H, W). It does not
                change which pixels are hard.
            avg_factor (float | None): the mean's denominator in place of the number
                of hard pixels.
            reduction_override (str | None): 'mean' (the default), 'sum' or 'none'.
            ignore_index (int): label of pixels to leave out.

        Returns:
            Tensor: a scalar, 0 with a graph if no pixel counts; with 'none'
            (B, H, W), 0 where a pixel does not count.
        """
        if reduction_override not in (None, 'none', 'mean', 'sum'):
            raise ValueError(
                "reduction_override must be None, 'none', 'mean' or 'sum', got "
                f'{reduction_override!r}'
            )
        reduction = reduction_override or 'mean'
        if cls_score.shape[1] != len(self.noise_share):
            raise ValueError(
                f'cls_num_list has {len(self.noise_share)} classes, but cls_score has '
                f'shape {tuple(cls_score.shape)}'
            )
        logits = cls_score.to(torch.promote_types(cls_score.dtype, torch.float32))
        label = label.long()
        noise = self.sample_noise(logits).clamp(-1, 1).abs()
        share = self.noise_share.to(logits).view(1, -1, 1, 1)
        logits = logits + noise * share

        hard = self._hard_pixels(logits.detach(), label, ignore_index)
        class_weight = self.class_weight
        if class_weight is not None:
            class_weight = logits.new_tensor(class_weight)
        losses = F.cross_entropy(
            logits,
            label,
            weight=class_weight,
            reduction='none',
            ignore_index=ignore_index,
        ).masked_fill(~hard, 0)
        if reduction == 'mean' and avg_factor is None:
            avg_factor = hard.sum()
        return self.loss_weight * weight_reduce_loss(
            losses, weight=weight, reduction=reduction, avg_factor=avg_factor
        )

    def _hard_pixels(self, logits, label, ignore_index):
        valid = label != ignore_index
        score = logits.softmax(1) if self.mining == 'prob' else logits
        index = label.masked_fill(~valid, 0).unsqueeze(1)
        score = score.gather(1, index).squeeze(1)
        scores = score[valid]
        if scores.numel() == 0:
            return valid
        hard = score < self.thresh
        kept = min(self.min_kept, scores.numel() - 1)
        if kept > 0:
            hard |= score <= _smallest(scores, kept)
        return valid & hard


def _smallest(scores, rank):
    """Return the ``rank``-th smallest of ``scores``, (N,)."""
    if scores.is_cuda:
        # One block of threads does kthvalue: 3.7 ms of 800,000 scores, sort 0.1 (H200).
        return scores.sort().values[rank - 1]
    return scores.kthvalue(rank).values


def _noise_share(cls_num_list):
    """Return w_c / sum(w), (C,), of the pixel counts."""
    if any(not 0 <= n < math.inf or 0 < n < 1 for n in cls_num_list):
        raise ValueError(
            'cls_num_list must be numbers of pixels, 0 or at least 1, got '
            f'{list(cls_num_list)}'
        )
    logs = torch.tensor([math.log(max(n, 1)) for n in cls_num_list])
    weights = logs.sum() - logs
    if not weights.sum() > 0:
        raise ValueError(
            'cls_num_list must be two or more classes, one of them with more than one '
            f'pixel, got {list(cls_num_list)}'
        )
    return weights / weights.sum()
