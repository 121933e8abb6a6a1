"""mmseg's encoder-decoder, with probabilities for the metrics that need them."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, Sequence

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from mmcv import ConfigDict
from mmcv.runner.fp16_utils import cast_tensor_type
from mmseg.core import add_prefix
from mmseg.models.builder import SEGMENTORS
from mmseg.models.segmentors import EncoderDecoder

from hacdr.ops.precision import compute_dtype

from .cuda_graph import GraphedNetwork

logger = logging.getLogger('hacdr')


@SEGMENTORS.register_module()
class LesionEncoderDecoder(EncoderDecoder):
    """mmseg's EncoderDecoder that can return probabilities.

    Average precision needs the scores of all classes, where mmseg returns the class
    alone. ``test_cfg=dict(mode='whole', output='prob')`` returns for each photograph
    float32 (num_classes, H, W) at the photograph's own size; ``output='label'``, the
    default, returns label maps (H, W), as mmseg's own datasets score them.

    ``train_cfg=dict(bfloat16=True)`` and ``test_cfg=dict(bfloat16=True)`` compute the
    network in bfloat16 where torch.autocast does, offsets included; weights, and
    everything from the logits on, losses included, stay in float32, and so do the
    coordinates that are computed from offsets. A device that
    cannot computes in float32. mmcv's fp16 does the same in half precision.

    ``train_cfg=dict(cuda_graph=True)`` trains faster on a GPU, see
    :class:`GraphedNetwork`; one process, crops of one size. Losses stay as they are.

    Raises:
        ValueError: another output.
    """

    SETTINGS = {
        'train_cfg': ('bfloat16', 'cuda_graph'),
        'test_cfg': (
            'mode',
            'crop_size',
            'stride',
            'output',
            'flips',
            'size_divisor',
            'bfloat16',
        ),
    }
    """Dict[str, Tuple[str, ...]]: keys of ``train_cfg`` and ``test_cfg``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.test_cfg is None:  # type: ignore[has-type]
            self.test_cfg = ConfigDict(mode='whole')
        self._graphed: GraphedNetwork | None = None
        self.output = self.test_cfg.get('output', 'label')
        if self.output not in ('prob', 'label'):
            raise ValueError(
                f"test_cfg.output must be 'prob' or 'label', got {self.output!r}"
            )

    def forward_train(
        self, img: torch.Tensor, img_metas: list[dict], gt_semantic_seg: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Return the losses of all heads, by name; see mmseg."""
        graph = (self.train_cfg or {}).get('cuda_graph', False)
        graph = graph and self.training and torch.is_grad_enabled()
        if graph and not img.is_cuda:
            _say_once(f'cuda_graph=True on {img.device.type} has no effect')
            graph = False
        if not (self._bfloat16 or graph):
            return super().forward_train(img, img_metas, gt_semantic_seg)
        if graph and self._graphed is None:
            self._graphed = GraphedNetwork(_Logits(self))
        network = self._graphed if graph else _Logits(self)
        with self._precision(img.device):
            logits = network(self._as_weights(img))
        for low in (torch.bfloat16, torch.half):
            logits = cast_tensor_type(logits, low, torch.float32)
        losses = {}
        for (name, head), each in zip(self._heads().items(), logits):
            losses.update(add_prefix(head.losses(each, gt_semantic_seg), name))
        return losses

    def _heads(self):
        """Return all heads by the names of their losses."""
        heads = {'decode': self.decode_head}
        if self.with_auxiliary_head:
            if isinstance(self.auxiliary_head, nn.ModuleList):
                heads.update({f'aux_{i}': h for i, h in enumerate(self.auxiliary_head)})
            else:
                heads['aux'] = self.auxiliary_head
        return heads

    def encode_decode(
        self, img: torch.Tensor, img_metas: list[dict] | None
    ) -> torch.Tensor:
        """Return the logits of ``img``, (B, num_classes, H, W), at least float32."""
        height, width = img.shape[2:]
        divisor = self.test_cfg.get('size_divisor', 1)
        img = F.pad(img, (0, -width % divisor, 0, -height % divisor))
        logits = super().encode_decode(img, img_metas)
        return logits[:, :, :height, :width]

    def extract_feat(self, img: torch.Tensor) -> Sequence[torch.Tensor]:
        """Return the maps that the heads take from ``img``; see mmseg."""
        with self._precision(img.device):
            return super().extract_feat(self._as_weights(img))

    def _decode_head_forward_test(self, x, img_metas):
        with self._precision(x[0].device):
            logits = super()._decode_head_forward_test(x, img_metas)
        # Bilinear interpolation of bfloat16 logits would round them once more.
        return logits.to(compute_dtype(logits))

    @property
    def _bfloat16(self):
        cfg = self.train_cfg if self.training else self.test_cfg
        return (cfg or {}).get('bfloat16', False)

    def _precision(self, device):
        """Return the context that the network computes in."""
        # Autocast that somebody else has set (mmcv's fp16) is not to be ended here.
        return _autocast(device.type) if self._bfloat16 else nullcontext()

    def _as_weights(self, img):
        """Return ``img`` in the type of the weights.

        mmcv's fp16 makes it half, also where its autocast does nothing (on a CPU), and
        mmseg's sliding window would sum up logits in the image's type.
        """
        return img.to(next(self.parameters()).dtype)

    def inference(
        self, img: torch.Tensor, img_meta: list[dict], rescale: bool
    ) -> torch.Tensor:
        """Return probabilities, (B, num_classes, H, W); see mmseg.

        Photographs cropped by ``FundusCrop`` are put back, each in its own place;
        outside of the field of view all is background.

        Raises:
            ValueError: cropped photographs of different sizes in one batch.
        """
        img = self._as_weights(img)
        if self.test_cfg.get('flips', False):
            probabilities = self._mean_of_mirror_images(img, img_meta, rescale)
        else:
            probabilities = super().inference(img, img_meta, rescale)
        if self.out_channels == 1:
            probabilities = torch.cat([1 - probabilities, probabilities], 1)
        boxes = [meta.get('fundus_box') for meta in img_meta]
        if not rescale or boxes == [None] * len(boxes):
            return probabilities
        return _put_back(probabilities, boxes)

    def _mean_of_mirror_images(self, img, img_meta, rescale):
        if any(meta['pad_shape'] != meta['img_shape'] for meta in img_meta):
            raise ValueError(
                'test_cfg.flips: padding would change sides; use test_cfg.size_divisor '
                'in place of the Pad step'
            )
        total = 0
        for axes in ((), (3,), (2,), (2, 3)):
            probabilities = super().inference(img.flip(axes), img_meta, rescale)
            total += probabilities.flip(axes)
        return total / 4

    def simple_test(
        self, img: torch.Tensor, img_meta: list[dict], rescale: bool = True
    ) -> list[np.ndarray]:
        """Predict a batch of one size; see mmseg."""
        return self._result(self.inference(img, img_meta, rescale))

    def aug_test(
        self,
        imgs: list[torch.Tensor],
        img_metas: list[list[dict]],
        rescale: bool = True,
    ) -> list[np.ndarray]:
        """Predict one photograph from several versions, probabilities averaged."""
        if not rescale:
            raise ValueError('aug_test needs rescale=True: the versions differ in size')
        total = self.inference(imgs[0], img_metas[0], rescale)
        for img, img_meta in zip(imgs[1:], img_metas[1:]):
            total += self.inference(img, img_meta, rescale)
        return self._result(total / len(imgs))

    def _result(self, probabilities):
        if self.output == 'label':
            return list(self._labels(probabilities).cpu().numpy())
        return list(probabilities.float().cpu().numpy())

    def _labels(self, probabilities):
        """Return label maps (B, H, W) of probabilities (B, num_classes, H, W).

        Where the head has one logit for two classes, its threshold decides.
        """
        if self.out_channels > 1:
            return probabilities.argmax(1)
        return (probabilities[:, 1] > self.decode_head.threshold) * 1

    def show_result(
        self,
        img: str | np.ndarray,
        result: Any,
        *args: Any,
        **kwargs: Any,
    ) -> np.ndarray | None:
        """Paint a prediction on a photograph, arguments as in mmseg."""
        if result[0].ndim == 3:
            result = self._labels(result[0][None])
        elif getattr(result, 'ndim', 0) == 3:
            result = self._labels(result[None])
        return super().show_result(img, result, *args, **kwargs)


def _put_back(crops, boxes):
    """Return probabilities of whole photographs, (B, num_classes, H, W).

    Args:
        crops (Tensor): probabilities in the field of view, (B, num_classes, h, w).
        boxes (list[tuple]): top, left, H and W of each, see ``FundusCrop``.
    """
    sizes = {tuple(box[2:]) for box in boxes}
    if len(sizes) > 1:
        raise ValueError(
            'photographs of one batch must have one size, got '
            + ' and '.join(f'{height}x{width}' for height, width in sorted(sizes))
        )
    whole = crops.new_zeros(*crops.shape[:2], *sizes.pop())
    whole[:, 0] = 1
    rows, columns = crops.shape[2:]
    for image, crop, (top, left, *_) in zip(whole, crops, boxes):
        image[:, top : top + rows, left : left + columns] = crop
    return whole


class _Logits(nn.Module):
    """From images to the logits of all heads, a tuple."""

    def __init__(self, segmentor):
        super().__init__()
        self.backbone = segmentor.backbone
        self.neck = segmentor.neck if segmentor.with_neck else nn.Identity()
        self.heads = nn.ModuleList(segmentor._heads().values())

    def forward(self, img):
        x = self.neck(self.backbone(img))
        return tuple(head(x) for head in self.heads)


def _autocast(device):
    try:
        return torch.autocast(device, dtype=torch.bfloat16)
    except RuntimeError as error:
        _say_once(f'bfloat16=True on {device} computes in float32: {error}')
        return nullcontext()


@lru_cache(maxsize=None)
def _say_once(message):
    logger.warning(message)
