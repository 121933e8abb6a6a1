"""The paper's input: photographs of even light and stretched contrast."""

import cv2
import numpy as np
from mmseg.datasets import PIPELINES

from hacdr.preprocess.field_of_view import field_of_view


@PIPELINES.register_module()
class LocalContrastNormalize:
    """Subtract the local mean within the field of view, and stretch the rest.

    ``img = (img - mean) * gain / 128`` with ``mean`` a Gaussian average over the
    field of view; outside of it ``img`` is 0. It is what the paper's figure shows as
    input, after Ben Graham's winning entry of the 2015 Kaggle competition. The
    average is taken over the pixels of the field of view alone (a normalised
    convolution), so that neither the black surround nor the picture's border leaves
    a halo at the rim.

    To save time the average is computed on a picture reduced so far that ``sigma``
    is at least eight of its pixels. Against a full-size Gaussian that changes the
    average by 0.003 grey levels on the mean, and by up to 0.7 at single pixels of the
    rim (measured on IDRiD, sigma 30 at 1440x956); times ``gain / 128`` in 'img'.

    Needs 'img', uint8 or float, (H, W, C), values from 0 to 255. Changes 'img' to
    float32 and sets 'img_norm_cfg', so that mmseg draws it as a grey picture. No
    ``Normalize`` comes after it.

    Args:
        sigma (float): of the Gaussian, in pixels of the picture as it is when it
            comes here (30 was measured at a long side of 1440).
        gain (float): contrast.
        darkest (float): what is not brighter counts as surround, see
            :func:`~hacdr.preprocess.field_of_view.field_of_view`. Stray light around
            the field of view makes a dark ring and a bright rim where it is
            brighter than this: five of 56 photographs of IDRiD at 10, none at 20.

    Raises:
        ValueError: sigma or gain is not positive.
    """

    def __init__(self, sigma=30.0, gain=4.0, darkest=10):
        if not (sigma > 0 and gain > 0):
            raise ValueError(
                f'sigma and gain must be positive, got sigma={sigma}, gain={gain}'
            )
        self.sigma = sigma
        self.gain = gain
        self.darkest = darkest

    def __call__(self, results):
        img = results['img']
        inside = field_of_view(img, self.darkest)
        img = img.astype(np.float32)
        img -= local_mean(img, inside, self.sigma)
        img *= self.gain / 128
        img[inside == 0] = 0
        results['img'] = img
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
            f'darkest={self.darkest})'
        )


def local_mean(img, inside, sigma):
    """Gaussian average over a region.

    Args:
        img (np.ndarray): float32 (H, W, C).
        inside (np.ndarray): uint8 (H, W), 1 on the pixels that count.
        sigma (float): in pixels.

    Returns:
        np.ndarray: float32 (H, W, C); of no meaning far from the region.
    """
    height, width = inside.shape
    step = max(1, int(sigma // 8))
    rows, columns = -(-height // step), -(-width // step)
    # Zeros beyond the border do not count, as they are outside.
    border = 0, rows * step - height, 0, columns * step - width
    weight = inside.astype(np.float32)
    total = _reduce(img * weight[..., None], border, (columns, rows))
    weight = _reduce(weight, border, (columns, rows))
    # Averaging over a step has blurred already, with the variance of its box; the
    # linear interpolation back up adds about as much again.
    variance = (sigma / step) ** 2 - (1 / 12 + 1 / 6) * (step > 1)
    blur = dict(ksize=(0, 0), sigmaX=variance**0.5, borderType=cv2.BORDER_CONSTANT)
    mean = cv2.GaussianBlur(total, **blur)
    mean /= np.maximum(cv2.GaussianBlur(weight, **blur), 1e-6)[..., None]
    mean = cv2.resize(
        mean, (columns * step, rows * step), interpolation=cv2.INTER_LINEAR
    )
    return mean[:height, :width]


def _reduce(img, border, size):
    img = cv2.copyMakeBorder(img, *border, cv2.BORDER_CONSTANT, value=0)
    return cv2.resize(img, size, interpolation=cv2.INTER_AREA)
