"""Lesion masks as a tensor with a plane for each lesion."""

import numpy as np
import torch
from mmcv.parallel import DataContainer
from mmseg.datasets import PIPELINES

from hacdr.lesions import IGNORED, LESIONS


@PIPELINES.register_module()
class FormatLesionMasks:
    """Make 'gt_lesion_masks' a tensor for losses with a sigmoid for each lesion.

    int64 (4, H, W), 1 where EX, HE, SE, MA was drawn, else 0; 255 in all planes where
    ignored. ``mmseg.models.losses.CrossEntropyLoss(use_sigmoid=True)`` takes a batch
    of these beside logits (B, 4, H, W). Pass it on with
    ``Collect(keys=['img', 'gt_semantic_seg', 'gt_lesion_masks'])``.
    """

    def __call__(self, results):
        planes = unpack_masks(results['gt_lesion_masks'])
        tensor = torch.from_numpy(planes).long()
        results['gt_lesion_masks'] = DataContainer(tensor, stack=True)
        return results

    def __repr__(self):
        return f'{type(self).__name__}()'


def unpack_masks(bits):
    """Split a map of bits into planes.

    Args:
        bits (np.ndarray): uint8 (H, W), bit k - 1 set for lesion k, 255 ignored.

    Returns:
        np.ndarray: uint8 (4, H, W), 0, 1 or 255.
    """
    planes = np.stack([bits >> bit & 1 for bit in range(len(LESIONS))])
    planes[:, bits == IGNORED] = IGNORED
    return planes
