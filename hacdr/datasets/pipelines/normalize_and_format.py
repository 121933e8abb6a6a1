"""The end of a training pipeline in one step."""

import numpy as np
import torch
from mmcv.parallel import DataContainer
from mmseg.datasets import PIPELINES

from hacdr.preprocess.normalize import (
    build_normalization_tables,
    normalize_to_planes,
    pad_map,
)


@PIPELINES.register_module()
class NormalizeAndFormat:
    """``Normalize``, ``Pad`` and ``DefaultFormatBundle`` in one, without their copies.

    Needs 'img', uint8 (H, W, 3), and what is in 'seg_fields'. Sets 'img' to a float32
    tensor (3, height, width), 'gt_semantic_seg' to an int64 tensor (1, height,
    width), as mmseg's steps do, padded below and on the right; other fields are
    padded only. Each channel goes through a table of 256 entries.

    Args:
        mean, std (Sequence[float]): of each channel, RGB with ``to_rgb``.
        to_rgb (bool): turn BGR into RGB.
        size (Tuple[int, int]): height and width to pad to; the photograph must not
            be larger.
        seg_pad_val (int): label of the padding.

    Raises:
        ValueError: a photograph that is larger or not uint8.
    """

    def __init__(self, mean, std, size, to_rgb=True, seg_pad_val=255):
        self.mean = np.array(mean, np.float32)
        self.std = np.array(std, np.float32)
        self.size = tuple(size)
        self.to_rgb = to_rgb
        self.seg_pad_val = seg_pad_val
        self.tables = build_normalization_tables(self.mean, self.std)

    def __call__(self, results):
        img = results['img']
        height, width = img.shape[:2]
        planes = normalize_to_planes(img, self.tables, self.size, self.to_rgb)
        for key in results.get('seg_fields', []):
            results[key] = pad_map(results[key], self.size, self.seg_pad_val)
        if 'gt_semantic_seg' in results:
            labels = torch.from_numpy(results['gt_semantic_seg'])[None].long()
            results['gt_semantic_seg'] = DataContainer(labels, stack=True)
        results['img'] = DataContainer(torch.from_numpy(planes), stack=True)
        results['img_shape'] = height, width, 3
        results['pad_shape'] = *self.size, 3
        results['pad_fixed_size'] = self.size
        results['img_norm_cfg'] = dict(mean=self.mean, std=self.std, to_rgb=self.to_rgb)
        return results

    def __repr__(self):
        return (
            f'{type(self).__name__}(mean={self.mean}, std={self.std}, '
            f'size={self.size}, to_rgb={self.to_rgb}, '
            f'seg_pad_val={self.seg_pad_val})'
        )
