"""Turns by right angles: a photograph of an eye has no up or down to a lesion."""

import cv2
import numpy as np
from mmseg.datasets import PIPELINES

TURNS = (
    None,
    cv2.ROTATE_90_COUNTERCLOCKWISE,
    cv2.ROTATE_180,
    cv2.ROTATE_90_CLOCKWISE,
)


@PIPELINES.register_module()
class RandomQuarterTurn:
    """Turn the photograph and its label maps by 0, 90, 180 or 270 degrees.

    As ``np.rot90``, each with the same chance. A turn by 90 degrees swaps height and
    width, so crops should be square where a batch holds more than one. Needs 'img'
    and what is in 'seg_fields'; sets 'img_shape' and 'pad_shape'.
    """

    def __call__(self, results):
        turn = TURNS[np.random.randint(4)]
        if turn is not None:
            for key in ['img', *results.get('seg_fields', [])]:
                results[key] = cv2.rotate(results[key], turn)
        results['img_shape'] = results['pad_shape'] = results['img'].shape
        return results

    def __repr__(self):
        return f'{type(self).__name__}()'
