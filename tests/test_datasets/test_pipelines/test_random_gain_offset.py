import numpy as np
import pytest
from mmseg.datasets import PIPELINES


def build(**options):
    return PIPELINES.build(dict(type='RandomGainOffset', **options))


def draw(transform):
    """Gain and offset of each channel, read off two pixels."""
    img = np.zeros((1, 2, 3), np.float32)
    img[0, 1] = 1
    out = transform(dict(img=img))['img'][0]
    return out[1] - out[0], out[0]


def test_draws_fill_their_ranges():
    np.random.seed(0)
    transform = build(gain=(0.5, 2.0), offset=0.3)
    gains, offsets = np.array([draw(transform) for _ in range(500)]).swapaxes(0, 1)
    np.testing.assert_allclose(gains.min(0), 0.5, atol=0.03)
    np.testing.assert_allclose(gains.max(0), 2.0, atol=0.03)
    np.testing.assert_allclose(offsets.min(0), -0.3, atol=0.01)
    np.testing.assert_allclose(offsets.max(0), 0.3, atol=0.01)
    channels = np.corrcoef(np.concatenate([gains, offsets], 1).T)
    assert abs(channels - np.eye(6)).max() < 0.2


def test_one_gain_and_offset_for_all_pixels_of_a_channel():
    img = np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32)
    out = build()(dict(img=img.copy()))['img']
    for channel in range(3):
        gain, offset = np.polyfit(
            img[..., channel].ravel(), out[..., channel].ravel(), 1
        )
        assert 0.8 <= gain <= 1.2
        assert abs(offset) <= 0.15
        np.testing.assert_allclose(
            out[..., channel], gain * img[..., channel] + offset, atol=1e-5
        )
    assert out.dtype == np.float32


def test_numpys_seed_decides():
    runs = []
    for _ in range(2):
        np.random.seed(3)
        runs.append(draw(build()))
    np.testing.assert_array_equal(runs[0], runs[1])


def test_before_normalize():
    with pytest.raises(ValueError, match='RandomGainOffset comes after Normalize'):
        build()(dict(img=np.zeros((2, 2, 3), np.uint8)))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(gain=(1.2, 0.8)), 'gain must be least and greatest'),
        (dict(gain=(0, 1)), 'gain must be least and greatest'),
        (dict(offset=-1), 'offset must not be negative'),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
