import io

import cv2
import numpy as np
import pytest
from PIL import Image

from hacdr.conversion.reading import (
    decode_strictly,
    read_graded_mask,
    read_mask,
    read_soft_mask,
)
from hacdr.errors import InputError
from hacdr.images.tiff import ORIENTATION, PHOTOMETRIC, WHITE_IS_ZERO
from tests.test_images.forms import save_png, save_tiff

SIZE = 30, 20


@pytest.fixture
def mask():
    mask = np.zeros(SIZE[::-1], bool)
    mask[3:7, 5:25] = True
    return mask


def encode(image, file_format='TIFF', **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def photograph(mode='RGB', **options):
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    return encode(Image.fromarray(pixels).convert(mode), 'JPEG', **options)


def one_bit_palette(mask):
    tags = {262: 3, 320: (0, 65535, 0, 0, 0, 0)}
    return encode(Image.fromarray(mask), tiffinfo=tags, compression='tiff_lzw')


def palette_with_lesion_first(mask):
    image = Image.fromarray((~mask).astype(np.uint8))
    image.putpalette([255, 255, 255, 0, 0, 0])
    return encode(image, 'PNG')


def channels(*lesion, background=None):
    def make(mask):
        pixels = np.zeros((*mask.shape, len(lesion)), np.uint8)
        pixels[...] = background or [0] * len(lesion)
        pixels[mask] = lesion
        return encode(Image.fromarray(pixels.squeeze()))

    return make


def white_as_zero(mask):
    return save_tiff(~mask * np.uint8(255), {PHOTOMETRIC: WHITE_IS_ZERO})


def grey_of_two_bits(mask):
    rows = np.packbits(np.repeat(mask, 2, axis=1), axis=1)
    return save_png([row.tobytes() for row in rows], SIZE, 2, 0)


ENCODINGS = {
    'white as zero': white_as_zero,
    'grey of 2 bits': grey_of_two_bits,
    'IDRiD': one_bit_palette,
    'IDRiD_81_EX': channels(255, 0, 0, 255, background=[0, 0, 0, 255]),
    'transparent background': channels(255, 0, 0, 255),
    '1 bit': lambda mask: encode(Image.fromarray(mask)),
    'grey 255': channels(255),
    'grey 1': channels(1),
    'grey 76': channels(76),
    'RGB': channels(0, 0, 9),
    'grey and alpha': channels(8, 255, background=[0, 255]),
    'palette, lesion first': palette_with_lesion_first,
}


@pytest.mark.parametrize('encoding', ENCODINGS)
def test_mask_means_what_it_shows(mask, encoding):
    read = read_mask(ENCODINGS[encoding](mask), 'x.tif', SIZE)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, mask)


def test_the_trap_is_a_real_one(mask):
    grey = cv2.imdecode(np.frombuffer(one_bit_palette(mask), np.uint8), 0)
    assert grey.max() == 76


@pytest.mark.parametrize('encoding', ['IDRiD', 'IDRiD_81_EX', 'grey 255'])
def test_all_black_means_no_lesion(mask, encoding):
    read = read_mask(ENCODINGS[encoding](np.zeros_like(mask)), 'x.tif', SIZE)
    assert not read.any()


def test_mask_of_another_size(mask):
    with pytest.raises(InputError, match=r'x\.tif: mask is 30x20, expected 31x20'):
        read_mask(one_bit_palette(mask), 'x.tif', (31, 20))


def test_mask_of_more_than_two_values():
    values = np.arange(600, dtype=np.uint8).reshape(20, 30)
    with pytest.raises(InputError, match=r'x\.tif: mask has more than two values'):
        read_mask(encode(Image.fromarray(values)), 'x.tif', SIZE)


@pytest.mark.parametrize(
    'make',
    [channels(255, background=[7]), channels(0, 255, background=[0, 0])],
    ids=['no black', 'differs in alpha alone'],
)
def test_mask_without_one_black_background(mask, make):
    with pytest.raises(InputError, match='expected black for the background'):
        read_mask(make(mask), 'x.tif', SIZE)


def test_mask_of_sixteen_bits(mask):
    image = Image.fromarray(mask.astype(np.uint16) * 65535)
    with pytest.raises(InputError, match=r'mode I;16, expected one of .*8 bits'):
        read_mask(encode(image), 'x.tif', SIZE)


def test_jpeg_mask(mask):
    # All black, it has but one value: it would pass for no lesion.
    for pixels in (mask * np.uint8(255), np.zeros(SIZE[::-1], np.uint8)):
        image = Image.fromarray(pixels)
        for data, kind in (
            (encode(image, 'JPEG'), 'JPEG'),
            (encode(image, 'WEBP'), 'WEBP'),
            (encode(image, 'JPEG2000'), 'JPEG2000'),
            (encode(image, 'TIFF', compression='jpeg'), 'TIFF of JPEG'),
        ):
            message = rf'x\.tif: mask is {kind}, whose edges are blurred'
            for read in (read_mask, read_soft_mask):
                with pytest.raises(InputError, match=message):
                    read(data, 'x.tif', SIZE)


def test_mask_far_too_large_for_its_bytes(mask):
    # A few kilobytes that unpack to 200 million pixels.
    bomb = encode(Image.new('1', (20000, 10000)), 'PNG')
    assert len(bomb) < 50000
    with pytest.raises(InputError, match=r'x\.tif: has too many pixels'):
        read_mask(bomb, 'x.tif', (20000, 10000))


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_soft_mask(mode):
    values = np.arange(600).reshape(20, 30).astype(np.uint8)
    data = encode(Image.fromarray(values).convert(mode), 'PNG')
    read = read_soft_mask(data, 'x.png', SIZE)
    np.testing.assert_array_equal(read, values >= 128)
    with pytest.raises(InputError, match='mask has mode P, expected one of 1, L, RGB'):
        read_soft_mask(palette_with_lesion_first(values > 9), 'x.png', SIZE)


def test_graded_mask(mask):
    values = mask * np.uint8(255)
    values[:2] = 127
    read = read_graded_mask(encode(Image.fromarray(values)), 'x.png', SIZE)
    np.testing.assert_array_equal(read == 1, values == 255)
    np.testing.assert_array_equal(read == 255, values == 127)
    values[9, 9] = 126
    with pytest.raises(InputError, match='has the value 126, expected only 0, 127'):
        read_graded_mask(encode(Image.fromarray(values)), 'x.png', SIZE)


def test_unreadable_mask(mask):
    data = one_bit_palette(mask)
    for broken in (b'', b'no image', data[: len(data) // 2]):
        with pytest.raises(InputError, match=r'x\.tif: mask cannot be decoded'):
            read_mask(broken, 'x.tif', SIZE)


def test_whole_photograph():
    assert decode_strictly(photograph(), 'x.jpg').shape == (200, 300, 3)
    assert decode_strictly(photograph(progressive=True), 'x.jpg').shape == (200, 300, 3)


def test_photograph_with_bytes_behind_its_end():
    assert decode_strictly(photograph() + b'\0' * 9, 'x.jpg').shape == (200, 300, 3)


@pytest.mark.parametrize('kept', [0, 0.01, 0.5, 0.999])
def test_photograph_that_is_cut_off(kept):
    data = photograph()
    with pytest.raises(InputError, match=r'x\.jpg: photograph cannot be decoded'):
        decode_strictly(data[: int(kept * len(data))], 'x.jpg')


def test_photograph_cut_off_and_filled_with_zeros():
    data = photograph()
    half = len(data) // 2
    # A thumbnail in the header ends with the same marker as the photograph.
    thumbnail = b'\xff\xe1\x00\x06\xff\xd9\x00\x00'
    broken = data[:2] + thumbnail + data[2:half] + bytes(half)
    with pytest.raises(
        InputError, match=r'x\.jpg: photograph cannot .*cut off, no end'
    ):
        decode_strictly(broken, 'x.jpg')


def test_grey_photograph():
    with pytest.raises(InputError, match='mode L, expected colour'):
        decode_strictly(photograph('L'), 'x.jpg')


def test_photographs_of_a_set_that_has_png():
    pixels = np.zeros((20, 30, 3), np.uint8)
    data = encode(Image.fromarray(pixels), 'PNG')
    assert decode_strictly(data, 'x.png', 'PNG').shape == (20, 30, 3)
    with pytest.raises(InputError, match='photograph is JPEG, expected PNG'):
        decode_strictly(photograph(), 'x.png', 'PNG')


def test_photograph_that_is_no_jpeg(mask):
    with pytest.raises(InputError, match='photograph is TIFF, expected JPEG'):
        decode_strictly(one_bit_palette(mask), 'x.jpg')


def exif(orientation):
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


@pytest.mark.parametrize('orientation', [2, 3, 6, 8])
@pytest.mark.parametrize('file_format', ['JPEG', 'PNG'])
def test_photograph_to_be_turned_is_refused(orientation, file_format):
    image = Image.open(io.BytesIO(photograph()))
    data = encode(image, file_format, exif=exif(orientation))
    expected = rf'^a: photograph has the Exif orientation {orientation}, expected 1 or'
    with pytest.raises(InputError, match=expected):
        decode_strictly(data, 'a', file_format)


@pytest.mark.parametrize('tags', [Image.Exif(), exif(1), b'Exif\0\0not a TIFF'])
def test_photograph_that_is_upright_is_read(tags):
    assert decode_strictly(photograph(exif=tags), 'a').shape == (200, 300, 3)
