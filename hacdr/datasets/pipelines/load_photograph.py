"""Photograph and label map at the size and place that training needs, fast."""

import os.path as osp

import cv2
import mmcv
import numpy as np
from mmseg.datasets import PIPELINES

from hacdr.datasets.cache import ArrayCache
from hacdr.datasets.pipelines.area_resize import REDUCE, AreaResize
from hacdr.datasets.pipelines.lesion_crop import LesionCrop
from hacdr.datasets.pipelines.load_lesion_masks import label_file, mask_file
from hacdr.errors import InputError
from hacdr.images import DECODE_FLAGS, read_header, read_map, read_photograph
from hacdr.preprocess.reduction import reduce_photograph


@PIPELINES.register_module()
class LoadPhotograph:
    """Four steps in one: load image, load labels, ``AreaResize``, ``LesionCrop``.

    Does what mmseg's loading steps and these do one after the other, with the same
    random draws, but only what is left of the photograph after the crop is resized,
    and a JPEG is decoded at a half, a quarter or an eighth of its size where that is
    enough (``reduced``). A cache saves the decoding.

    For training the label map is loaded too, and 'gt_semantic_seg' set; for testing
    (no 'ann_info', no ``crop``) the photograph alone. Sets what mmseg's steps set:
    'filename', 'img' (uint8, BGR), 'ori_shape' (of the file), 'img_shape',
    'pad_shape', 'scale', 'scale_factor', 'img_norm_cfg'. Reads local files only.

    Args:
        img_scale (Tuple[int, int]): width and height to fit in, the ratio kept.
        ratio_range (Tuple[float, float], optional): ``img_scale`` is multiplied by a
            random number of this range.
        crop (dict, optional): arguments of ``LesionCrop``; no crop without.
        masks (bool): load 'gt_lesion_masks' too, see :class:`LoadLesionMasks`.
        reduced (bool): let the JPEG decoder reduce. False decodes in full: pixels
            then equal those of the four steps (docs/loading.md has the difference).
        cache_dir (str, optional): folder for decoded photographs and label maps, see
            :class:`~hacdr.datasets.cache.ArrayCache`; no cache without.
        cache_gb (float): most that the folder may hold, 1e9 bytes each.

    Raises:
        InputError: a file is missing or damaged.
    """

    def __init__(
        self,
        img_scale,
        ratio_range=None,
        crop=None,
        masks=False,
        reduced=True,
        cache_dir=None,
        cache_gb=8.0,
    ):
        self.resize = AreaResize(tuple(img_scale), ratio_range=ratio_range)
        self.crop = LesionCrop(**crop) if crop else None
        self.masks = masks
        self.reduced = reduced
        self.cache = ArrayCache(cache_dir, cache_gb) if cache_dir else None

    def __call__(self, results):
        name = results['img_info']['filename']
        path = osp.join(results.get('img_prefix') or '', name)
        header = read_header(path)
        width, height = header.size
        self.resize._random_scale(results)
        size = mmcv.rescale_size((width, height), results['scale'])
        window = slice(None), slice(None)
        if 'ann_info' in results:
            self._load_labels(results, size, (height, width), path)
        if self.crop:
            window, results['crop_window'] = self.crop.draw_window(
                results['gt_semantic_seg']
            )
        for key in results.get('seg_fields', []):
            results[key] = results[key][window]
        divisor = 1
        if self.reduced and header.format == 'JPEG':
            divisor = _find_divisor(header.size, size)
        photograph = self._fetch(
            path, f'photograph / {divisor}', lambda: read_photograph(path, divisor)
        )
        results['img'] = reduce_photograph(photograph, size, window)
        results['filename'], results['ori_filename'] = path, name
        results['ori_shape'] = height, width, 3
        results['img_shape'] = results['pad_shape'] = results['img'].shape
        results['scale_factor'] = np.array(
            [size[0] / width, size[1] / height] * 2, np.float32
        )
        results['keep_ratio'] = True
        results['img_norm_cfg'] = dict(
            mean=np.zeros(3, np.float32), std=np.ones(3, np.float32), to_rgb=False
        )
        return results

    def _load_labels(self, results, size, shape, photograph):
        files = dict(gt_semantic_seg=label_file(results))
        if self.masks:
            files['gt_lesion_masks'] = mask_file(results)
        for key, path in files.items():
            values = self._fetch(path, 'map', lambda path=path: read_map(path))
            if values.shape != shape:
                raise InputError(
                    f'{path}: is of height and width {values.shape}, expected those '
                    f'of {photograph}, {shape}'
                )
            if key == 'gt_semantic_seg' and results.get('label_map'):
                values = cv2.LUT(values, _label_table(results['label_map']))
            try:
                results[key] = REDUCE[key](values, size)
            except ValueError as error:
                raise InputError(f'{path}: {error}') from error
            results['seg_fields'].append(key)

    def _fetch(self, path, what, make):
        return self.cache.get(path, what, make) if self.cache else make()

    def __repr__(self):
        return (
            f'{type(self).__name__}(resize={self.resize}, crop={self.crop}, '
            f'masks={self.masks}, reduced={self.reduced}, cache={self.cache})'
        )


def _find_divisor(full, size):
    """The most a photograph may be reduced by and still not be smaller than size."""
    fits = (
        divisor
        for divisor in sorted(DECODE_FLAGS, reverse=True)
        if all(-(-f // divisor) >= s for f, s in zip(full, size))
    )
    return next(fits, 1)


def _label_table(label_map):
    table = np.arange(256)
    for old, new in label_map.items():
        table[old] = new
    return table.astype(np.uint8)
