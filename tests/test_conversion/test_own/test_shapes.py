import numpy as np
import pytest
from matplotlib.path import Path

from hacdr.conversion.own.shapes import (
    circle,
    decode_runs,
    fill_polygon,
    read_points,
    rectangle,
)
from hacdr.errors import InputError

RNG = np.random.default_rng(0)


def fill(points, shape=(20, 30)):
    mask = np.zeros(shape, bool)
    inside = fill_polygon(mask, points)
    return mask, inside


def test_a_polygon_along_the_borders_of_pixels_is_exact():
    mask, _ = fill(rectangle((3, 5), (7, 9)))
    assert mask[5:9, 3:7].all()
    assert mask.sum() == 16


def test_a_polygon_holds_the_pixels_whose_centres_it_holds():
    mask, _ = fill([(0, 0), (10, 0), (0, 10)])
    y, x = np.nonzero(mask)
    assert (x + y + 1 < 10 + 1e-9).all()
    assert len(x) == 45 or len(x) == 55


@pytest.mark.parametrize('seed', range(8))
def test_a_polygon_is_filled_as_matplotlib_does(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.random(9)) * 2 * np.pi
    radius = rng.uniform(2, 14, 9)
    points = np.column_stack([np.cos(angles), np.sin(angles)]) * radius[:, None] + 12
    y, x = np.mgrid[:20, :30] + 0.5
    centres = np.column_stack([x.ravel(), y.ravel()])
    expected = Path(points).contains_points(centres).reshape(20, 30)
    np.testing.assert_array_equal(fill(points)[0], expected)


def test_what_lies_partly_outside_is_cut():
    mask, inside = fill(rectangle((-5, -5), (2, 3)))
    assert inside
    assert mask.sum() == 6


@pytest.mark.parametrize('corner', [(-9, 2), (40, 2), (2, -9), (2, 25)])
def test_what_lies_outside_is_told(corner):
    mask, inside = fill([corner, np.add(corner, (3, 0)), np.add(corner, (3, 3))])
    assert not inside
    assert not mask.any()


def test_no_lesion_is_lost():
    mask, inside = fill([(4.6, 4.6), (4.8, 4.6), (4.8, 4.8)])
    assert inside
    assert np.argwhere(mask).tolist() == [[4, 4]]


def test_a_circle():
    mask, _ = fill(circle((10, 10), (10, 15)))
    assert mask.sum() == pytest.approx(np.pi * 25, rel=0.05)
    assert mask[10, 10]


@pytest.mark.parametrize(
    'points',
    [None, 'abc', [1, 2, 3], [[1, 2]], [[1, 2, 3]] * 3, [['a', 'b']] * 3, [{}]],
)
def test_points_that_are_none(points):
    with pytest.raises(InputError, match=r'x: expected 3 or more points \[x, y\]'):
        read_points(points, 'x')


@pytest.mark.parametrize('value', [float('nan'), float('inf'), 1e300])
def test_points_that_lie_nowhere(value):
    with pytest.raises(InputError, match='x: has a point that lies nowhere'):
        read_points([[0, 0], [1, 1], [value, 2]], 'x')


def encode_runs(mask):
    values = mask.T.ravel().astype(np.int8)
    ends = np.flatnonzero(np.diff(values, prepend=0, append=1 - values[-1]))
    return np.diff(ends, prepend=0).tolist()


@pytest.mark.parametrize('seed', range(3))
def test_runs(seed):
    mask = np.random.default_rng(seed).random((7, 5)) < 0.4
    np.testing.assert_array_equal(decode_runs(encode_runs(mask), (7, 5), 'x'), mask)


@pytest.mark.parametrize('seed', range(3))
def test_packed_runs_as_pycocotools_writes_them(seed):
    masks = pytest.importorskip('pycocotools.mask', reason='pycocotools is not here')
    size = 40, 300
    rng = np.random.default_rng(seed)
    mask = rng.random(size) < (0.001, 0.2, 0.999)[seed]
    packed = masks.encode(np.asfortranarray(mask, np.uint8))['counts'].decode()
    np.testing.assert_array_equal(decode_runs(packed, size, 'x'), mask)


def test_packed_runs():
    """As pycocotools writes a square of 4x4 in 10x10 pixels."""
    mask = np.zeros((10, 10), bool)
    mask[3:7, 2:6] = True
    np.testing.assert_array_equal(decode_runs('g04600000U1', (10, 10), 'x'), mask)


@pytest.mark.parametrize(
    'counts',
    [None, {}, [1, 2], [-1, 36], [[35]], ['a'], [1e99], '', '~', 'o' * 99, 'a1', 'é'],
)
def test_runs_that_do_not_fill_it(counts):
    with pytest.raises(InputError, match='x: its runs do not fill 5x7 pixels'):
        decode_runs(counts, (7, 5), 'x')
