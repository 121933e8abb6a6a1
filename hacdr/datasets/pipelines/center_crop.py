"""The middle of a crop whose border has served."""

from mmseg.datasets import PIPELINES


@PIPELINES.register_module()
class CenterCrop:
    """Keep the middle of the photograph and its label maps.

    After a step that looks around every pixel, as ``LocalContrastNormalize`` does: what
    it made of the pixels along a crop's border, of which it saw one side only, is cut
    off. What is smaller than ``crop_size`` stays as it is. Needs 'img' and what is in
    'seg_fields'; sets 'img_shape' and 'pad_shape'.

    Args:
        crop_size (Tuple[int, int]): height and width.

    Raises:
        ValueError: not a positive height and width.
    """

    def __init__(self, crop_size):
        if len(crop_size) != 2 or min(crop_size) < 1:
            raise ValueError(
                f'crop_size must be a positive height and width, got {crop_size}'
            )
        self.crop_size = tuple(crop_size)

    def __call__(self, results):
        window = tuple(
            slice(max(0, size - crop) // 2, max(0, size - crop) // 2 + crop)
            for size, crop in zip(results['img'].shape, self.crop_size)
        )
        for key in ['img', *results.get('seg_fields', [])]:
            results[key] = results[key][window]
        results['img_shape'] = results['pad_shape'] = results['img'].shape
        return results

    def __repr__(self):
        return f'{type(self).__name__}(crop_size={self.crop_size})'
