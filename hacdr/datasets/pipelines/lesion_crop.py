"""Crops that show the rare lesions often enough."""

import numpy as np
from mmseg.datasets import PIPELINES

from hacdr.lesions import LESION_COUNT
from hacdr.preprocess.crop import draw_crop, draw_lesion_pixel


@PIPELINES.register_module()
class LesionCrop:
    """Crop around a random pixel of a lesion, or anywhere.

    With probability ``lesion_prob`` the crop contains a random pixel of a lesion
    drawn from those in the label map, be it of five pixels or a million; the pixel
    may lie anywhere in the crop. Otherwise, and where there is no lesion, the crop is
    drawn uniformly.

    Needs 'img' (H, W, C) and 'gt_semantic_seg' (H, W); crops these and whatever else
    is in 'seg_fields', and sets 'img_shape', 'pad_shape' and 'crop_window' (rows and
    columns of the crop in what is left, for :class:`CutContext`). Where the photograph
    is smaller than the crop it stays as it is; ``Pad`` comes after. Draws from numpy's
    global generator, which our runner seeds for every sample.

    Args:
        crop_size (Tuple[int, int] | int): height and width.
        lesion_prob (float): from 0 to 1.
        classes (Sequence[int], optional): label values that count as lesions; by
            default 1, 2, ... up to the data set's last, or one for each class_prob.
        class_prob (Sequence[float], optional): chance of each of ``classes``, above
            0, relative to the others that are present; even by default.
        context (int): pixels to leave around the crop, as far as the photograph has
            them, for steps that look around every pixel. ``CutContext`` comes after
            them.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        crop_size,
        lesion_prob=0.85,
        classes=None,
        class_prob=None,
        context=0,
    ):
        if isinstance(crop_size, int):
            crop_size = crop_size, crop_size
        if len(crop_size) != 2 or min(crop_size) < 1:
            raise ValueError(
                f'crop_size must be a positive height and width, got {crop_size}'
            )
        if not 0 <= lesion_prob <= 1:
            raise ValueError(f'lesion_prob must be from 0 to 1, got {lesion_prob}')
        if classes is None and class_prob is not None:
            classes = range(1, max(LESION_COUNT, len(class_prob)) + 1)
        if classes is not None:
            classes = tuple(classes)
            if not classes or not all(0 <= value <= 255 for value in classes):
                raise ValueError(
                    f'classes must be label values 0 to 255, got {classes}'
                )
        if class_prob is not None and (
            len(class_prob) != len(classes) or not min(class_prob) > 0
        ):
            raise ValueError(
                f'class_prob must be above 0 for each of {len(classes)} classes, got '
                f'{class_prob}'
            )
        if context < 0:
            raise ValueError(f'context must not be negative, got {context}')
        self.crop_size = tuple(crop_size)
        self.context = context
        self.lesion_prob = lesion_prob
        self.classes = classes
        self.class_prob = None if class_prob is None else tuple(class_prob)

    def __call__(self, results):
        window, results['crop_window'] = self.draw_window(
            results['gt_semantic_seg'], results.get('label_map')
        )
        for key in ['img', *results['seg_fields']]:
            results[key] = results[key][window]
        results['img_shape'] = results['pad_shape'] = results['img'].shape
        return results

    def draw_window(self, labels, new_values=None):
        """Draw where to crop, see :func:`~hacdr.preprocess.crop.draw_crop`.

        Args:
            labels (np.ndarray): uint8 (H, W).
            new_values (Dict[int, int], optional): 'label_map' of a data set of other
                classes than EX, HE, SE and MA: value in the files -> in ``labels``.
        """
        pixel = None
        if np.random.rand() < self.lesion_prob:
            last = max(LESION_COUNT, *(new_values or {0: 0}).values())
            classes = self.classes or range(1, last + 1)
            pixel = draw_lesion_pixel(labels, classes, self.class_prob)
        return draw_crop(labels.shape, self.crop_size, pixel, self.context)

    def __repr__(self):
        return (
            f'{type(self).__name__}(crop_size={self.crop_size}, '
            f'lesion_prob={self.lesion_prob}, classes={self.classes}, '
            f'class_prob={self.class_prob}, context={self.context})'
        )
