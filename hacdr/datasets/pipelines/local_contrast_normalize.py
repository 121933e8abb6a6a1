"""The paper's input, as a pipeline step."""

import numpy as np
from mmseg.datasets import PIPELINES

from hacdr.preprocess.field_of_view import FOV_THRESHOLD
from hacdr.preprocess.local_contrast import normalize_local_contrast


@PIPELINES.register_module()
class LocalContrastNormalize:
    """Subtract the local mean within the field of view, and stretch the rest.

    See :func:`~hacdr.preprocess.local_contrast.normalize_local_contrast`. Needs 'img',
    uint8 or float, (H, W, C), values from 0 to 255. Changes 'img' to float32 and sets
    'img_norm_cfg', so that mmseg draws it as a grey image. No ``Normalize`` comes after
    it.

    Args:
        sigma (float): of the Gaussian, in pixels of the image as it is when it comes
            here (30 was measured at a long side of 1440).
        gain (float): contrast.
        fov_threshold (float): what is not brighter counts as surround. Stray light
            around the field of view makes a dark ring and a bright rim where it is
            brighter than this: five of 56 photographs of IDRiD at 10, none at 20.

    Raises:
        ValueError: sigma or gain is not positive.
    """

    def __init__(self, sigma=30.0, gain=4.0, fov_threshold=FOV_THRESHOLD):
        if not (sigma > 0 and gain > 0):
            raise ValueError(
                f'sigma and gain must be positive, got sigma={sigma}, gain={gain}'
            )
        self.sigma = sigma
        self.gain = gain
        self.fov_threshold = fov_threshold

    def __call__(self, results):
        results['img'] = normalize_local_contrast(
            results['img'], self.sigma, self.gain, self.fov_threshold
        )
        # Undone by mmseg's tensor2imgs: gain * (img - mean) + 128.
        results['img_norm_cfg'] = dict(
            mean=np.full(3, 128, np.float32),
            std=np.full(3, 128, np.float32),
            to_rgb=False,
        )
        return results

    def __repr__(self):
        return (
            f'{type(self).__name__}(sigma={self.sigma}, gain={self.gain}, '
            f'fov_threshold={self.fov_threshold})'
        )
