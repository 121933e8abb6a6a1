"""The four masks as the experts drew them, overlaps included."""

import os.path as osp

from mmseg.datasets import PIPELINES

from hacdr.errors import InputError
from hacdr.images import read_map
from hacdr.lesions import COMBINATIONS, IGNORED


@PIPELINES.register_module()
class LoadLesionMasks:
    """Load the masks of a converted data set, one bit a lesion.

    A label map has one lesion a pixel; these have every lesion that was drawn there,
    as heads with a sigmoid for each lesion want them. Reads
    ``masks/<part>/<name>.png`` beside ``labels/<part>/<name>.png``. Sets
    'gt_lesion_masks', uint8 (H, W), bit k - 1 set for lesion k, and lists it in
    'seg_fields', so that it is resized (``AreaResize``), cropped, turned and flipped
    with the photograph. 255 means ignored, in ``Pad`` too. At the end of the pipeline
    ``FormatLesionMasks`` makes it four planes.

    Raises:
        InputError: there is no such file, or it holds other bits.
    """

    def __call__(self, results):
        path = mask_file(results)
        bits = read_map(path)
        unknown = bits[(bits >= COMBINATIONS) & (bits != IGNORED)]
        if unknown.size:
            raise InputError(
                f'{path}: holds the value {unknown[0]}, expected the bits of four '
                f'lesions, 0 to 15, or {IGNORED} for ignored'
            )
        results['gt_lesion_masks'] = bits
        results['seg_fields'].append('gt_lesion_masks')
        return results

    def __repr__(self):
        return f'{type(self).__name__}()'


def label_file(results):
    """Path of a sample's label map, from 'seg_prefix' and 'ann_info'."""
    return osp.join(results.get('seg_prefix') or '', results['ann_info']['seg_map'])


def mask_file(results):
    """Path of a sample's four masks, beside its label map's folder."""
    part, name = osp.split(label_file(results))
    labels, part = osp.split(part)
    return osp.join(osp.dirname(labels), 'masks', part, name)
