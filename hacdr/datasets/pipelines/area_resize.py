"""Resizing that keeps small lesions."""

import mmcv
import numpy as np
from mmseg.datasets import PIPELINES
from mmseg.datasets.pipelines import Resize

from hacdr.preprocess.reduction import reduce_labels, reduce_masks, reduce_photograph

REDUCE = dict(gt_semantic_seg=reduce_labels, gt_lesion_masks=reduce_masks)


@PIPELINES.register_module()
class AreaResize(Resize):
    """mmseg's ``Resize``, by area where it reduces; arguments as there.

    ``Resize`` takes four pixels around each new one and skips the others: at a third
    of the size (4288 to 1440) a microaneurysm is drawn from four pixels in nine.
    Here each new pixel is the mean of all it covers, and label maps keep every
    lesion, see :func:`~hacdr.preprocess.reduction.reduce_labels`. 'gt_lesion_masks',
    of :class:`LoadLesionMasks`, is reduced lesion by lesion.
    """

    def _resize_img(self, results):
        height, width = results['img'].shape[:2]
        size = self._size(width, height, results['scale'])
        img = reduce_photograph(results['img'], size)
        factors = size[0] / width, size[1] / height
        results['img'] = img
        results['img_shape'] = results['pad_shape'] = img.shape
        results['scale_factor'] = np.array(factors * 2, np.float32)
        results['keep_ratio'] = self.keep_ratio

    def _resize_seg(self, results):
        for key in results.get('seg_fields', []):
            height, width = results[key].shape[:2]
            size = self._size(width, height, results['scale'])
            results[key] = REDUCE[key](results[key], size)

    def _size(self, width, height, scale):
        if not self.keep_ratio:
            return tuple(scale)
        if self.min_size is not None:
            short = max(self.min_size, min(scale))
            # Twice the long side's room: the short side decides.
            scale = 2 * short * max(width, height) // min(width, height), short
        return mmcv.rescale_size((width, height), tuple(scale))
