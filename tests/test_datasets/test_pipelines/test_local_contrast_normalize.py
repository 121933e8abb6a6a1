import cv2
import numpy as np
import pytest
from mmcv.image import tensor2imgs
from mmseg.datasets import PIPELINES
from scipy import ndimage
from torch import from_numpy

from hacdr.datasets.pipelines import LocalContrastNormalize
from hacdr.preprocess.field_of_view import field_of_view
from hacdr.preprocess.local_contrast import local_mean


@pytest.fixture
def photograph():
    """A lit disc that touches the upper border, with spots, on black."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:230, :310]
    inside = (y - 95) ** 2 + (x - 150) ** 2 < 110**2
    light = 90 + 60 * x / 310
    spots = ndimage.gaussian_filter(rng.normal(size=(230, 310)), 3) * 200
    grey = np.clip(light + spots, 20, 255) * inside
    return (grey[..., None] * (0.3, 0.6, 1)).astype(np.uint8)


def normalize(img, **options):
    return LocalContrastNormalize(**options)(dict(img=img))['img']


def exact_mean(img, inside, sigma):
    blur = dict(sigma=sigma, mode='constant', truncate=6)
    weight = inside.astype(np.float64)
    total = [
        ndimage.gaussian_filter(img[..., c] * weight, **blur)
        for c in range(img.shape[2])
    ]
    weight = ndimage.gaussian_filter(weight, **blur)
    return np.stack(total, -1) / np.maximum(weight, 1e-9)[..., None]


def test_registered(photograph):
    transform = PIPELINES.build(dict(type='LocalContrastNormalize', sigma=10))
    assert 'sigma=10, gain=4.0' in repr(transform)


def test_formula(photograph):
    inside = field_of_view(photograph)
    mean = exact_mean(photograph, inside, 5)
    expected = (photograph - mean) * 3 / 128 * inside[..., None]
    out = normalize(photograph, sigma=5, gain=3)
    assert out.dtype == np.float32
    assert out.shape == photograph.shape
    np.testing.assert_allclose(out, expected, atol=1e-3)


@pytest.mark.parametrize('sigma', [5, 30])
def test_a_single_channel_is_as_one_of_several(photograph, sigma):
    green = photograph[..., 1:2]
    out = normalize(green, sigma=sigma)
    assert out.shape == green.shape
    alike = normalize(np.repeat(green, 3, -1), sigma=sigma)
    np.testing.assert_allclose(out, alike[..., :1], atol=1e-5)


@pytest.mark.parametrize('sigma', [16, 30, 64])
def test_error_of_the_reduced_average_is_as_stated(photograph, sigma):
    inside = field_of_view(photograph)
    error = abs(
        local_mean(photograph.astype(np.float32), inside, sigma)
        - exact_mean(photograph, inside, sigma)
    )[inside == 1]
    assert error.mean() < 0.02
    assert error.max() < 0.7


def test_an_even_picture_is_zero_up_to_the_rim():
    y, x = np.mgrid[:200, :301]
    inside = (y - 60) ** 2 + (x - 150) ** 2 < 90**2
    for dtype in (np.uint8, np.float32):
        img = np.zeros((200, 301, 3), dtype)
        img[inside] = 200, 120, 40
        assert abs(normalize(img, sigma=30)).max() < 1e-4


def test_black_surround_would_leave_a_halo_otherwise():
    img = np.zeros((200, 300, 3), np.float32)
    img[:, 100:] = 200
    plain = (img - cv2.GaussianBlur(img, (0, 0), 30)) * 4 / 128
    assert plain[100, 100, 0] > 2
    assert abs(normalize(img)[100, 100, 0]) < 1e-4


def test_outside_is_zero(photograph):
    out = normalize(photograph)
    assert not out[field_of_view(photograph) == 0].any()


def test_uneven_light_goes_and_spots_stay():
    x = np.mgrid[:240, :320][1]
    img = np.repeat((60 + 0.3 * x)[..., None], 3, -1).astype(np.float32)
    img[100:104, 200:204] -= 40
    out = normalize(img, sigma=20)
    assert abs(out[50:90, 80:240]).max() < 0.01
    assert out[102, 202, 0] == pytest.approx(-40 * 4 / 128, abs=0.05)


def test_picture_without_an_eye():
    assert not normalize(np.zeros((40, 50, 3), np.uint8)).any()


def test_smaller_than_the_gaussian(photograph):
    out = normalize(photograph[100:117, 100:121], sigma=60)
    assert np.isfinite(out).all()
    assert abs(out.mean()) < 0.05


def test_the_input_is_not_changed(photograph):
    before = photograph.copy()
    normalize(photograph)
    np.testing.assert_array_equal(photograph, before)
    as_float = photograph.astype(np.float32)
    normalize(as_float)
    np.testing.assert_array_equal(as_float, before)


def test_mmseg_draws_it_as_a_grey_picture(photograph):
    results = LocalContrastNormalize()(dict(img=photograph))
    tensor = from_numpy(results['img'].transpose(2, 0, 1)[None].copy())
    (drawn,) = tensor2imgs(tensor, **results['img_norm_cfg'])
    assert (drawn[-1, -1] == 128).all()
    assert drawn[95, 150, 0] == pytest.approx(
        np.clip(results['img'][95, 150, 0] * 128 + 128, 0, 255), abs=1
    )


@pytest.mark.parametrize('options', [dict(sigma=0), dict(sigma=-1), dict(gain=0)])
def test_wrong_arguments(options):
    with pytest.raises(ValueError, match='sigma and gain must be positive, got'):
        LocalContrastNormalize(**options)
