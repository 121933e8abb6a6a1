import io

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from scipy import ndimage

from hacdr.conversion import Plan, Record, convert, open_source
from hacdr.conversion.merging import count_lesions, to_labels
from hacdr.datasets.pipelines import LoadPhotograph
from hacdr.lesions import IGNORED, LESIONS, lesion_plane
from hacdr.preprocess.maps import merge_bits, reduce_bits, reduce_labels, select_bits
from hacdr.preprocess.resize import fit_size

EIGHT = np.ones((3, 3))
VALUES = st.sampled_from([0, 0, 0, 0, 1, 2, 4, 8, 3, 9, 15, IGNORED])


@st.composite
def maps_and_sizes(draw):
    """Sparse or dense bit maps, and any size that is not larger."""
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    fill = draw(st.sampled_from([st.nothing(), st.just(0), VALUES]))
    bits = draw(arrays.arrays(np.uint8, shape, elements=VALUES, fill=fill))
    return bits, tuple(draw(st.integers(1, side)) for side in shape[::-1])


def area_of(component, size):
    """How much of every pixel of the copy a component covers, the slow way."""
    height, width = component.shape
    rows = overlap_matrix(height, size[1])
    columns = overlap_matrix(width, size[0])
    return rows @ component.astype(np.int64) @ columns.T


def overlap_matrix(length, shorter):
    i, j = np.ogrid[:shorter, :length]
    begin = np.maximum(i * length, j * shorter)
    end = np.minimum((i + 1) * length, (j + 1) * shorter)
    return np.maximum(end - begin, 0)


@settings(deadline=None, max_examples=150)
@given(maps_and_sizes())
def test_the_rule(drawn):
    bits, size = drawn
    copy, kept = reduce_bits(bits, size)
    assert copy.dtype == np.uint8
    assert copy.shape == size[::-1]
    for k in range(len(LESIONS)):
        plane, there = lesion_plane(bits, k), lesion_plane(copy, k)
        components, count = ndimage.label(plane, EIGHT)
        by_half = area_of(plane, size) * 2 >= bits.size
        expected, lost = by_half.copy(), 0
        for component in range(1, count + 1):
            area = area_of(components == component, size)
            # No component is lost.
            assert there[area > 0].any()
            if not by_half[area > 0].any():
                lost += 1
                expected.ravel()[area.argmax()] = True
        assert kept[k] == lost
        np.testing.assert_array_equal(there, expected)
    ignored = area_of(bits == IGNORED, size) * 2 >= bits.size
    lesions = np.any([lesion_plane(copy, k) for k in range(len(LESIONS))], 0)
    np.testing.assert_array_equal(copy == IGNORED, ignored & ~lesions)


@settings(deadline=None, max_examples=100)
@given(maps_and_sizes())
def test_label_maps_by_the_same_rule(drawn):
    bits, size = drawn
    labels = to_labels(bits)
    apart = np.where(labels == IGNORED, IGNORED, (1 << labels) >> 1).astype(np.uint8)
    expected = to_labels(reduce_bits(apart, size)[0])
    np.testing.assert_array_equal(reduce_labels(labels, size), expected)


def spots(seed, count, radius, shape=(240, 320)):
    """Discs of one to four lesions, apart and overlapping."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    bits = np.zeros(shape, np.uint8)
    for _ in range(count):
        row, column = rng.uniform((0, 0), shape)
        size = rng.uniform(0.6, radius)
        bits[(y - row) ** 2 + (x - column) ** 2 <= size**2] |= 1 << int(rng.integers(4))
    return bits


def single_pixels():
    bits = np.zeros((240, 320), np.uint8)
    rows, columns = np.random.default_rng(0).integers(0, (240, 320), (900, 2)).T
    bits[rows, columns] = 1 << np.arange(900) % 4
    return bits


def thin_lines():
    bits = np.zeros((240, 320), np.uint8)
    bits[::7] |= 1
    bits[:, ::11] |= 2
    np.fill_diagonal(bits[:, 30:], 4)
    bits[100:103, 100:300] |= 8
    return bits


def overlapping():
    """Of each half of a pixel, of both together more; a microaneurysm on all."""
    bits = np.zeros((240, 320), np.uint8)
    bits[:, : 320 // 2] |= 1
    bits[10:200, 20:301] |= 2
    bits[30:140:5, 40:290] |= 4
    bits[50:52, 60:62] |= 8
    return bits


def around_ignored():
    bits = spots(2, 60, 5)
    bits[(spots(3, 30, 20) > 0) & (bits == 0)] = IGNORED
    return bits


HARD = dict(
    spots=spots(0, 120, 9),
    specks=spots(1, 400, 1.5),
    single_pixels=single_pixels(),
    thin_lines=thin_lines(),
    overlapping=overlapping(),
)


def tiff(mask):
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(file, 'TIFF')
    return file.getvalue()


@pytest.fixture(params=HARD)
def download(request, tmp_path):
    """A raw set of one photograph with such a map; source, plan, bits."""
    bits = HARD[request.param]
    noise = np.random.default_rng(0).integers(0, 256, (*bits.shape, 3), np.uint8)
    folder = tmp_path / 'raw'
    folder.mkdir()
    Image.fromarray(noise).save(folder / 'a.jpg')
    masks = {lesion: f'{lesion}.tif' for lesion in LESIONS}
    for k, file in enumerate(masks.values()):
        (folder / file).write_bytes(tiff(lesion_plane(bits, k)))
    record = Record('a', 'train', 'a.jpg', masks)
    plan = Plan('hard', [record], {'train': ['a']}, [])
    return open_source(folder), plan, bits


def load_labels(root, size):
    return LoadPhotograph(size)(
        dict(
            img_info=dict(filename='a.jpg'),
            ann_info=dict(seg_map='a.png'),
            img_prefix=str(root / 'images' / 'train'),
            seg_prefix=str(root / 'labels' / 'train'),
            mask_prefix=str(root / 'masks' / 'train'),
            seg_fields=[],
        )
    )['gt_semantic_seg']


@pytest.mark.parametrize('max_side', [160, 107, 40])
def test_converter_and_loader_reduce_alike(download, tmp_path, max_side):
    source, plan, bits = download
    convert(source, plan, tmp_path / 'full', jobs=1)
    manifest, _ = convert(source, plan, tmp_path / 'small', jobs=1, max_side=max_side)
    size = fit_size((320, 240), max_side)
    loaded = load_labels(tmp_path / 'full', size)
    np.testing.assert_array_equal(loaded, load_labels(tmp_path / 'small', size))
    stored = np.asarray(Image.open(tmp_path / 'small' / 'labels' / 'train' / 'a.png'))
    np.testing.assert_array_equal(loaded, stored)
    # And no component is lost on the way.
    small = np.asarray(Image.open(tmp_path / 'small' / 'masks' / 'train' / 'a.png'))
    for k, (lesion, count) in enumerate(count_lesions(bits).items()):
        components = ndimage.label(lesion_plane(bits, k), EIGHT)[0]
        there = lesion_plane(small, k)
        assert there.any() == (count['components'] > 0)
        reached = components[area_of(there, (320, 240)) > 0]
        assert len({*reached.ravel().tolist()} - {0}) == count['components']
        noted = manifest['images'][0]['lesions'][lesion]
        assert noted['original_components'] == count['components']


def test_areas_stay_what_they_were():
    labels = (spots(0, 60, 12, (600, 800)) > 0).astype(np.uint8)
    for factor in (2, 3, 4.4):
        out = reduce_labels(labels, (round(800 / factor), round(600 / factor)))
        assert out.mean() == pytest.approx(labels.mean(), rel=0.06)


def test_a_microaneurysm_smaller_than_a_pixel_stays():
    bits = np.zeros((300, 300), np.uint8)
    bits[104:107, 204:207] = 8
    bits[20:80, 20:80] = 8
    copy, kept = reduce_bits(bits, (30, 30))
    assert kept == [0, 0, 0, 1]
    assert copy[10, 20] == 8
    assert (copy == 8).sum() == 1 + 36
    # What the stock pipelines do loses it.
    assert not cv2.resize(bits, (30, 30), interpolation=cv2.INTER_NEAREST)[10, 20]


def test_it_takes_the_pixel_it_covers_most():
    bits = np.zeros((20, 20), np.uint8)
    bits[9:11, 7:11] = 1
    bits[9, 9] = 0
    copy, kept = reduce_bits(bits, (2, 2))
    assert kept == [1, 0, 0, 0]
    assert copy.tolist() == [[0, 0], [1, 0]]


def test_half_of_a_pixel_counts():
    half = np.zeros((10, 10), np.uint8)
    half[:5] = 2
    assert reduce_bits(half, (1, 1)) == (2, [0, 0, 0, 0])
    half[0, 0] = 0
    # Not quite half: nothing would be left, so that it is kept.
    assert reduce_bits(half, (1, 1)) == (2, [0, 1, 0, 0])


def test_half_of_a_pixel_that_is_no_whole_number_of_them():
    # Pixels of 2.5x2.5: two columns and a half.
    bits = np.zeros((5, 5), np.uint8)
    bits[:, 2:] = 1
    bits[0, 0] = 2
    assert reduce_bits(bits, (2, 2))[0].tolist() == [[2, 1], [0, 1]]


def test_lesions_that_share_a_pixel():
    bits = np.zeros((40, 40), np.uint8)
    bits[:] = 2
    bits[15:17, 15:17] = 10
    copy, _ = reduce_bits(bits, (4, 4))
    labels = to_labels(copy)
    # The microaneurysm wins in the label map; the haemorrhage is still there.
    assert labels[1, 1] == 4
    assert (labels == 2).sum() == 15
    assert (copy & 2 == 2).all()


def test_ignored_areas():
    bits = np.zeros((20, 20), np.uint8)
    bits[:9] = IGNORED
    bits[4:6, 4:6] = 1
    copy, kept = reduce_bits(bits, (2, 2))
    assert kept == [1, 0, 0, 0]
    assert copy.tolist() == [[1, IGNORED], [0, 0]]
    np.testing.assert_array_equal(reduce_labels(bits, (2, 2)), copy)


def test_ignored_pixels_are_no_lesion():
    labels = np.zeros((12, 12), np.uint8)
    labels[:4, :2] = IGNORED
    labels[9, 9] = IGNORED
    expected = np.zeros((3, 3), np.uint8)
    expected[0, 0] = IGNORED
    np.testing.assert_array_equal(reduce_labels(labels, (3, 3)), expected)
    np.testing.assert_array_equal(reduce_bits(labels, (3, 3))[0], expected)


def test_a_speck_among_ignored_pixels_stays():
    labels = np.full((12, 12), IGNORED, np.uint8)
    labels[5, 5] = 3
    expected = np.full((3, 3), IGNORED, np.uint8)
    expected[1, 1] = 3
    np.testing.assert_array_equal(reduce_labels(labels, (3, 3)), expected)


@pytest.mark.parametrize('size', [(6, 4), (6, 2), (3, 4)])
def test_maps_are_enlarged_by_repeating(size):
    labels = np.arange(6, dtype=np.uint8).reshape(2, 3) % 5
    expected = labels.repeat(size[1] // 2, 0).repeat(size[0] // 3, 1)
    np.testing.assert_array_equal(reduce_labels(labels, size), expected)
    bits = np.where(labels, (1 << labels) >> 1, 0).astype(np.uint8)
    assert reduce_bits(bits, size)[0].shape == size[::-1]


def test_larger_one_way_and_smaller_the_other():
    assert reduce_labels(np.full((4, 9), 3, np.uint8), (3, 8)).tolist() == [[3] * 3] * 8


def test_equal_sizes_change_nothing():
    bits = around_ignored()
    copy, kept = reduce_bits(bits, (320, 240))
    np.testing.assert_array_equal(copy, bits)
    assert kept == [0, 0, 0, 0]


@pytest.mark.parametrize('size', [(4, 4), (8, 8), (16, 16)])
@pytest.mark.parametrize(
    ('reduce', 'value', 'known'),
    [
        (reduce_labels, 5, 4),
        (reduce_labels, 254, 4),
        (reduce_bits, 16, 15),
        (reduce_bits, 254, 15),
    ],
)
def test_unknown_values(reduce, value, known, size):
    values = np.zeros((8, 8), np.uint8)
    values[3, 3] = value
    with pytest.raises(ValueError, match=f'value {value}, expected 0 to {known} or 25'):
        reduce(values, size)


@pytest.mark.parametrize('shape', [(8, 8, 3), (8,)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match=r'expected a map, uint8 \(H, W\), got'):
        reduce_labels(np.zeros(shape, np.uint8), (4, 4))


def test_wrong_types():
    with pytest.raises(ValueError, match=r'uint8 \(H, W\), got int64'):
        reduce_bits(np.zeros((8, 8), np.int64), (4, 4))


def test_other_numbers_of_lesions():
    bits = np.array([[0, 1, 64, 65, IGNORED]], np.uint8)
    assert merge_bits(bits, lesions=7).tolist() == [[0, 1, 7, 7, IGNORED]]
    assert reduce_bits(bits, (5, 1), 7)[0].tolist() == bits.tolist()
    with pytest.raises(ValueError, match='holds the value 64, expected 0 to 15'):
        reduce_bits(bits, (5, 1))
    labels = np.array([[0, 5, 7, IGNORED]], np.uint8)
    assert reduce_labels(labels, (4, 1), 7).tolist() == labels.tolist()
    with pytest.raises(ValueError, match='holds the value 7, expected 0 to 6 or 255'):
        reduce_labels(labels, (4, 1), 6)


def test_some_of_the_lesions():
    bits = np.array([[0, 0b0001, 0b0010, 0b0011, 0b1101, IGNORED]], np.uint8)
    chosen = {0: 0, 1: 2, 2: 0, 3: 0, 4: 1}
    assert merge_bits(bits, chosen).tolist() == [[0, 2, 0, 2, 1, IGNORED]]
    bits[0, -1] = 0b1000_0001
    expected = [[0, 0b10, 0, 0b10, 0b11, 0b1000_0010]]
    assert select_bits(bits, chosen).tolist() == expected


@pytest.mark.parametrize('size', [(101, 20), (400, 3), (100, 20)])
def test_a_copy_that_grows_along_one_side_keeps_the_lesion(size):
    bits = np.zeros((100, 100), np.uint8)
    bits[33] = 8
    copy, _ = reduce_bits(bits, size)
    assert copy.shape == size[::-1]
    assert (copy == 8).any()
