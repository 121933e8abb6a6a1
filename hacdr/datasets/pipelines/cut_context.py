"""A crop without the context that it was loaded with."""

from mmseg.datasets import PIPELINES


@PIPELINES.register_module()
class CutContext:
    """Cut off what ``LesionCrop`` or ``LoadPhotograph`` left around their crop.

    Comes after the step that looks around every pixel, as ``LocalContrastNormalize``
    does, and before flips and turns. At the border of the photograph there is no
    context, neither here nor when a whole photograph is tested.

    Needs 'img', 'crop_window' and what is in 'seg_fields'; sets 'img_shape' and
    'pad_shape'.
    """

    def __call__(self, results):
        window = results.pop('crop_window')
        for key in ['img', *results.get('seg_fields', [])]:
            results[key] = results[key][window]
        results['img_shape'] = results['pad_shape'] = results['img'].shape
        return results

    def __repr__(self):
        return f'{type(self).__name__}()'
