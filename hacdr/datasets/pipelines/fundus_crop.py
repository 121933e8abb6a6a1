"""Photographs without their black surround."""

import numpy as np
from mmseg.datasets import PIPELINES

from hacdr.errors import InputError
from hacdr.preprocess.field_of_view import FOV_THRESHOLD, field_of_view_box


@PIPELINES.register_module()
class FundusCrop:
    """Crop to the box around the field of view.

    Of IDRiD's photographs it takes away a sixth, which costs time and memory and
    teaches nothing. Halves of the eye in deep shadow stay, see
    :func:`~hacdr.preprocess.field_of_view.field_of_view`; a photograph that is black
    all over stays as it is.

    Needs 'img', uint8 (H, W, C), and 'ori_shape'; crops also what is in 'seg_fields'
    and sets 'img_shape', 'pad_shape'. For predictions of the original size
    'ori_shape' becomes that of the box at the original size, and 'fundus_box' says
    where it goes: top, left, and height and width of the whole photograph.
    ``LesionEncoderDecoder`` puts it back; for that ``Collect`` has to pass it on::

        dict(type='Collect', keys=['img'], meta_keys=(
            'filename', 'ori_filename', 'ori_shape', 'img_shape', 'pad_shape',
            'scale_factor', 'flip', 'flip_direction', 'img_norm_cfg', 'fundus_box'))

    Without it predictions are of the wrong size, and scoring them fails.

    May come before the photograph is resized, which makes the eye larger than
    without ``FundusCrop`` (by a sixth on IDRiD), or after, which does not; but before
    it is mirrored.

    Args:
        fov_threshold (float): what is not brighter counts as surround.
        margin (int): pixels to leave around the field of view, as the photograph is
            when it comes here.

    Raises:
        ValueError: a negative margin.
        InputError: a photograph that was mirrored before, which mmseg mirrors back
            before predictions are put in their place.
    """

    def __init__(self, fov_threshold=FOV_THRESHOLD, margin=0):
        if margin < 0:
            raise ValueError(f'margin must not be negative, got {margin}')
        self.fov_threshold = fov_threshold
        self.margin = margin

    def __call__(self, results):
        if results.get('flip'):
            raise InputError('FundusCrop after RandomFlip, expected before it')
        height, width = results['img'].shape[:2]
        rows, columns = field_of_view_box(
            results['img'], self.fov_threshold, self.margin
        )
        for key in ['img', *results.get('seg_fields', [])]:
            results[key] = np.ascontiguousarray(results[key][rows, columns])
        results['img_shape'] = results['pad_shape'] = results['img'].shape
        full_height, full_width = results['ori_shape'][:2]
        top, bottom = (round(y * full_height / height) for y in _ends(rows))
        left, right = (round(x * full_width / width) for x in _ends(columns))
        results['fundus_box'] = top, left, full_height, full_width
        results['ori_shape'] = bottom - top, right - left, *results['ori_shape'][2:]
        return results

    def __repr__(self):
        return (
            f'{type(self).__name__}(fov_threshold={self.fov_threshold}, '
            f'margin={self.margin})'
        )


def _ends(part):
    return part.start, part.stop
