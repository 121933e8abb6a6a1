import cv2
import numpy as np
import pytest
from PIL import Image

from hacdr.errors import InputError
from hacdr.images import encode_map, read_map
from tests.test_images.forms import (
    PIXELS,
    orientation_tags,
    save,
    save_png,
    save_tiff,
    with_alpha,
)

VALUES = np.random.default_rng(0).integers(0, 256, (70, 50), np.uint8)


@pytest.mark.parametrize('rows', [1, 63, 64, 65, 130])
def test_a_map_is_read_as_stored(tmp_path, rows):
    values = np.random.default_rng(rows).integers(0, 256, (rows, 70), np.uint8)
    image = Image.fromarray(values)
    image.save(tmp_path / 'grey.png')
    image.putpalette(list(range(255, -1, -1)) * 3)
    image.save(tmp_path / 'palette.png')
    for name in ('grey.png', 'palette.png'):
        np.testing.assert_array_equal(read_map(tmp_path / name), values)


def test_a_map_that_is_written_is_the_one_that_is_read(tmp_path):
    values = np.random.default_rng(0).choice(np.array([0, 1, 4, 255], np.uint8), (9, 7))
    for name, palette in (('grey', None), ('coloured', [[0, 0, 0], [255, 0, 0]])):
        (tmp_path / name).write_bytes(encode_map(values, palette))
        np.testing.assert_array_equal(read_map(tmp_path / name), values)
    with Image.open(tmp_path / 'coloured') as image:
        assert image.mode == 'P'
        assert image.getpalette()[:6] == [0, 0, 0, 255, 0, 0]


@pytest.mark.parametrize(
    'data',
    [
        save(VALUES, 'PNG'),
        save(VALUES.astype(np.uint16), 'PNG'),
        save(VALUES.astype(np.uint16), 'TIFF'),
        save(VALUES, 'TIFF', compression='tiff_lzw'),
        save(VALUES, 'BMP'),
        save(np.repeat(VALUES[..., None], 3, 2), 'PNG'),
        save(with_alpha(VALUES[..., None], 255), 'PNG'),
        save(with_alpha(np.repeat(VALUES[..., None], 3, 2), 255), 'PNG'),
    ],
)
def test_forms_that_lose_nothing(tmp_path, data):
    (tmp_path / 'a').write_bytes(data)
    read = read_map(tmp_path / 'a')
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, VALUES)


@pytest.mark.parametrize('colours', [2, 4, 16])
@pytest.mark.parametrize('form', ['PNG', 'BMP', 'GIF', 'TIFF'])
def test_few_colours_are_their_indices(tmp_path, form, colours):
    # Pillow packs them in 1, 2 or 4 bits.
    image = Image.fromarray(VALUES % colours)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9] * (colours // 4 or 1))
    image.save(tmp_path / 'a', form)
    np.testing.assert_array_equal(read_map(tmp_path / 'a'), VALUES % colours)


def test_one_bit_is_0_and_1(tmp_path):
    Image.fromarray(VALUES > 99).save(tmp_path / 'a.png')
    np.testing.assert_array_equal(read_map(tmp_path / 'a.png'), VALUES > 99)


@pytest.mark.parametrize(
    ('reason', 'data'),
    [
        ('map is in colour', save(PIXELS, 'PNG')),
        ('map is in colour', save(with_alpha(PIXELS, 255), 'TIFF')),
        ('map is transparent', save(with_alpha(VALUES[..., None], 254), 'PNG')),
        ('values from 0 to 65535', save(VALUES.astype(np.uint16) * 257, 'PNG')),
        ('map is JPEG, .* expected PNG', save(VALUES, 'JPEG')),
        ('map is WEBP, .* expected PNG', save(VALUES, 'WEBP', lossless=True)),
        ('map is TIFF of JPEG, .* PNG', save(VALUES, 'TIFF', compression='jpeg')),
        (
            'map has the Exif orientation 6',
            save(VALUES, 'PNG', exif=orientation_tags(6)),
        ),
        (
            'map has the Exif orientation 3',
            save(VALUES, 'TIFF', exif=orientation_tags(3)),
        ),
        (
            'holds several images',
            save(VALUES, 'TIFF', save_all=True, append_images=[Image.new('L', (9, 9))]),
        ),
        ('grey of 4 bits, expected 8', save_png([b'\x01\x23'] * 3, (4, 3), 4, 0)),
        ('grey of 2 bits, expected 8', save_png([b'\x1b'] * 3, (4, 3), 2, 0)),
        ('grey of 4 bits', save_tiff(VALUES, {0x0102: 4, 0x0100: 100})),
        ('white is zero', save_tiff(VALUES, {0x0106: 0})),
        ('mode CMYK', save(Image.new('CMYK', (9, 9)), 'TIFF')),
        ('mode F', cv2.imencode('.tif', VALUES.astype(np.float32))[1].tobytes()),
    ],
)
def test_what_may_not_be_a_map_is_refused(tmp_path, reason, data):
    path = tmp_path / 'a'
    path.write_bytes(data)
    with pytest.raises(InputError, match=f'^{path}: .*{reason}'):
        read_map(path)


@pytest.mark.parametrize('kept', [0.3, 0.9])
def test_a_map_that_is_cut_off(tmp_path, kept):
    data = save(VALUES, 'PNG')
    (tmp_path / 'a').write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match='map cannot be decoded'):
        read_map(tmp_path / 'a')
