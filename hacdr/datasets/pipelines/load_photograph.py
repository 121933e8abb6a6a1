"""Photograph and label map at the size and place that training needs, fast."""

import os.path as osp

import mmcv
import numpy as np
from mmseg.datasets import PIPELINES
from mmseg.datasets.pipelines import Resize

from hacdr.datasets.cache import ArrayCache
from hacdr.datasets.classes import count_lesions
from hacdr.datasets.pipelines.lesion_crop import LesionCrop
from hacdr.errors import InputError
from hacdr.images import check_size, read_header, read_map, read_photograph
from hacdr.preprocess.maps import merge_bits, reduce_bits, reduce_labels, relabel
from hacdr.preprocess.resize import find_divisor, resize_photograph


@PIPELINES.register_module()
class LoadPhotograph:
    """Four steps in one: load image, load labels, ``Resize``, ``LesionCrop``.

    Does what mmseg's loading steps and these do one after the other, with the same
    random draws, but each new pixel is the mean of all it covers, small lesions are
    kept, only what is left of the photograph after the crop is resized, and a JPEG is
    decoded at a half, a quarter or an eighth of its size where that is enough
    (``reduced``). A cache saves the decoding.

    For training the label map is loaded too, and 'gt_semantic_seg' set; for testing
    (no 'ann_info', no ``crop``) the photograph alone. Where the data set has the
    experts' masks ('mask_prefix', as :class:`~hacdr.datasets.LesionDataset` sets it),
    these are reduced and then merged: the same labels as of a set that was converted at
    that size. Sets what mmseg's steps set: 'filename', 'img' (uint8, BGR), 'ori_shape'
    (of the file), 'img_shape', 'pad_shape', 'scale', 'scale_factor', 'img_norm_cfg'.
    Reads local files only.

    Args:
        img_scale (Tuple[int, int]): width and height to fit in, the ratio kept.
        ratio_range (Tuple[float, float], optional): ``img_scale`` is multiplied by a
            random number of this range.
        crop (dict, optional): arguments of ``LesionCrop``; no crop without.
        reduced (bool): let the JPEG decoder reduce. False decodes in full
            (docs/loading.md has the difference).
        cache_dir (str, optional): folder for decoded photographs and maps, see
            :class:`~hacdr.datasets.cache.ArrayCache`; no cache without.
        cache_gb (float): most that the folder may hold, 1e9 bytes each.

    Raises:
        InputError: a file is missing or damaged.
        ValueError: ``img_scale`` is no width and height.
    """

    def __init__(
        self,
        img_scale,
        ratio_range=None,
        crop=None,
        reduced=True,
        cache_dir=None,
        cache_gb=8.0,
    ):
        sides = img_scale if isinstance(img_scale, (list, tuple)) else ()
        numbers = [isinstance(s, (int, float)) and s > 0 for s in sides]
        if numbers != [True, True]:
            raise ValueError(
                f'img_scale is {img_scale!r}, expected width and height in pixels'
            )
        self.img_scale = tuple(img_scale)
        self.ratio_range = ratio_range
        self.crop = LesionCrop(**crop) if crop else None
        self.reduced = reduced
        self.cache = ArrayCache(cache_dir, cache_gb) if cache_dir else None

    def __call__(self, results):
        name = results['img_info']['filename']
        path = osp.join(results.get('img_prefix') or '', name)
        header = read_header(path)
        width, height = header.size
        results['scale'] = self._draw_scale()
        size = mmcv.rescale_size((width, height), results['scale'])
        check_size(size, f'{path}, resized to {self.img_scale}')
        window = slice(None), slice(None)
        if 'ann_info' in results:
            labels = self._load_labels(results, size, (height, width), path)
            if self.crop:
                window, results['crop_window'] = self.crop.draw_window(
                    labels, results.get('label_map')
                )
            results['gt_semantic_seg'] = labels[window]
            results['seg_fields'].append('gt_semantic_seg')
        divisor = 1
        if self.reduced and header.format == 'JPEG':
            divisor = find_divisor(header.size, size)
        photograph = self._fetch(
            path, f'photograph / {divisor}', lambda: read_photograph(path, divisor)
        )
        results['img'] = resize_photograph(photograph, size, window)
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

    def _draw_scale(self):
        if self.ratio_range is None:
            return self.img_scale
        return Resize.random_sample_ratio(self.img_scale, self.ratio_range)[0]

    def _load_labels(self, results, size, shape, photograph):
        masks = results.get('mask_prefix')
        folder = masks or results.get('seg_prefix') or ''
        path = osp.join(folder, results['ann_info']['seg_map'])
        values = self._fetch(path, 'map', lambda: read_map(path))
        if values.shape != shape:
            raise InputError(
                f'{path}: is of height and width {values.shape}, expected those of '
                f'{photograph}, {shape}'
            )
        new_values = results.get('label_map')
        lesions = count_lesions(new_values)
        try:
            if masks:
                bits, _ = reduce_bits(values, size, lesions)
                return merge_bits(bits, new_values, lesions)
            labels = reduce_labels(values, size, lesions)
        except ValueError as error:
            raise InputError(f'{path}: {error}') from error
        return relabel(labels, new_values)

    def _fetch(self, path, what, make):
        return self.cache.get(path, what, make) if self.cache else make()

    def __repr__(self):
        return (
            f'{type(self).__name__}(img_scale={self.img_scale}, '
            f'ratio_range={self.ratio_range}, crop={self.crop}, '
            f'reduced={self.reduced}, cache={self.cache})'
        )
