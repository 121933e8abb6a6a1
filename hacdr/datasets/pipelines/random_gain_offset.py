"""Light and colour that differ from camera to camera."""

import numpy as np
from mmseg.datasets import PIPELINES

from hacdr.preprocess.photometric import random_gain_offset


@PIPELINES.register_module()
class RandomGainOffset:
    """Multiply each channel by a random gain and add a random offset.

    ``img = img * gain + offset``, both drawn uniformly for each channel. Comes after
    ``Normalize`` or ``LocalContrastNormalize``: needs 'img', float32 (H, W, C), which
    it changes in place.

    Args:
        gain (Tuple[float, float]): least and greatest.
        offset (float): greatest, either way; in units of the normalised photograph.

    Raises:
        ValueError: an argument out of its range; an 'img' that is not float.
    """

    def __init__(self, gain=(0.8, 1.2), offset=0.15):
        if len(gain) != 2 or not 0 < gain[0] <= gain[1]:
            raise ValueError(f'gain must be least and greatest, above 0, got {gain}')
        if offset < 0:
            raise ValueError(f'offset must not be negative, got {offset}')
        self.gain = tuple(gain)
        self.offset = offset

    def __call__(self, results):
        img = results['img']
        if img.dtype != np.float32:
            raise ValueError(
                f'expected a normalised photograph, float32, got {img.dtype}; '
                f'{type(self).__name__} comes after Normalize'
            )
        random_gain_offset(img, self.gain, self.offset)
        return results

    def __repr__(self):
        return f'{type(self).__name__}(gain={self.gain}, offset={self.offset})'
