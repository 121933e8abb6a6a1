import math
import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hacdr.preprocess.quality import assess_photograph
from hacdr.synthetic.writing import generate_photograph


@pytest.fixture(scope='module')
def photograph():
    """A photograph of 720x480 pixels, BGR."""
    rgb = generate_photograph(0, 'test', (720, 480))[0]
    return np.ascontiguousarray(rgb[..., ::-1])


def codes(photograph, trained_diameter=None):
    warnings = assess_photograph(photograph, trained_diameter).warnings
    return [code for code, _ in warnings]


def reduce(photograph, width):
    size = width, round(width * photograph.shape[0] / photograph.shape[1])
    return cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)


GOOD = {
    'as it is': lambda p: p,
    'turned': lambda p: np.rot90(p),
    'mirrored': lambda p: p[:, ::-1],
    'reduced': lambda p: reduce(p, 400),
    'little contrast': lambda p: cv2.convertScaleAbs(p, alpha=0.7),
    'black above and below': lambda p: cv2.copyMakeBorder(p, 150, 100, 50, 0, 0),
    'JPEG of quality 50': lambda p: cv2.imdecode(
        cv2.imencode('.jpg', p, [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 1
    ),
    'noise in the surround': lambda p: cv2.max(
        p, np.random.default_rng(0).integers(0, 8, p.shape, np.uint8)
    ),
}


@pytest.mark.parametrize('change', GOOD)
def test_of_a_good_photograph_nothing_is_said(photograph, change):
    assert codes(GOOD[change](photograph), 200) == []


SPOILT = {
    'no_field_of_view': [
        lambda p: p // 100,
        lambda p: np.zeros_like(p),
        lambda p: p[125:350, 225:475],
    ],
    'not_fundus': [
        lambda p: cv2.fillPoly(
            np.zeros_like(p),
            [np.int32([[99, 50], [600, 99], [300, 400]])],
            (9, 90, 200),
        ),
        lambda p: np.ascontiguousarray(p[..., [2, 0, 1]]),
    ],
    'cut_off': [lambda p: p[:, 280:], lambda p: p[240:, 360:], lambda p: p[:180]],
    'grey': [
        lambda p: cv2.cvtColor(p[..., 1], cv2.COLOR_GRAY2BGR),
        lambda p: cv2.cvtColor(p[..., 2], cv2.COLOR_GRAY2BGR),
    ],
    'red_and_blue_swapped': [lambda p: p[..., ::-1]],
    'underexposed': [lambda p: cv2.convertScaleAbs(p, alpha=0.2)],
    'overexposed': [lambda p: cv2.convertScaleAbs(p, alpha=2.5)],
    'blurred': [
        lambda p: cv2.GaussianBlur(p, (0, 0), 3),
        lambda p: cv2.resize(reduce(p, 120), p.shape[1::-1]),
    ],
}


@pytest.mark.parametrize(
    ('code', 'spoil'),
    [(code, spoil) for code, kinds in SPOILT.items() for spoil in kinds],
)
def test_what_spoils_a_photograph_is_named(photograph, code, spoil):
    found = codes(np.ascontiguousarray(spoil(photograph)))
    assert code in found
    assert len({*found}) == len(found)


@pytest.mark.parametrize('width', [360, 720])
def test_a_field_of_view_smaller_than_trained_for(photograph, width):
    small = reduce(photograph, width)
    diameter = assess_photograph(small).measures['diameter']
    assert diameter == pytest.approx(0.8 * width, rel=0.01)
    assert codes(small, diameter * 1.2) == []
    assert codes(small, diameter * 1.3) == ['small']
    ((_, sentence),) = assess_photograph(small, diameter * 2).warnings
    assert f'{diameter:.0f} pixels' in sentence


def test_measures_stay_at_any_size(photograph):
    large = assess_photograph(cv2.resize(photograph, (4288, 2859))).measures
    small = assess_photograph(photograph).measures
    for name in ('roundness', 'visible', 'saturation', 'fundus_colours'):
        assert large[name] == pytest.approx(small[name], abs=0.02)


def test_it_is_fast(photograph):
    large = cv2.resize(photograph, (4288, 2848))
    start = time.process_time()
    assess_photograph(large)
    # Measured: 0.11 s of one core.
    assert time.process_time() - start < 1


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 99),
    levels=st.sampled_from([1, 2, 30, 256]),
    scale=st.sampled_from([1, 7]),
)
def test_any_image_is_assessed(height, width, seed, levels, scale):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, levels, (height, width, 3), np.uint8)
    image = np.repeat(np.repeat(image, scale, 0), scale, 1)
    measures, warnings = assess_photograph(image, 100)
    assert all(value is None or math.isfinite(value) for value in measures.values())
    assert all('\n' not in sentence for _, sentence in warnings)
    assert {code for code, _ in warnings} <= {*SPOILT, 'small'}
