import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from hacdr.errors import InputError
from hacdr.images import (
    ORIENTATION,
    decode_photograph,
    encode_map,
    find_images,
    open_photograph,
    read_header,
    read_map,
    read_photograph,
)

# Wide, and the same in no two directions.
PIXELS = np.zeros((32, 48, 3), np.uint8)
PIXELS[:8, :16] = 200, 40, 0
PIXELS[8:16, 40:] = 0, 220, 90


def write(path, pixels=PIXELS, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def turned(orientation):
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.tif'])
@pytest.mark.parametrize('orientation', range(10))
def test_a_photograph_is_turned_as_exif_says(tmp_path, suffix, orientation):
    path = write(tmp_path / f'a{suffix}', exif=turned(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    read = read_photograph(path)
    # Two decoders of JPEG.
    assert abs(read[..., ::-1].astype(int) - expected).max() <= 3
    assert read_header(path).size == read.shape[1::-1] == expected.shape[1::-1]
    assert read_header(path).stored_size == (48, 32)


def test_exif_that_cannot_be_read_turns_nothing(tmp_path):
    path = write(tmp_path / 'a.jpg', exif=b'Exif\0\0not a TIFF')
    assert read_header(path).orientation == 1
    assert read_photograph(path).shape == PIXELS.shape


@pytest.mark.parametrize('orientation', [1, 6])
@pytest.mark.parametrize('divisor', [2, 4, 8])
def test_a_jpeg_decoded_at_a_part_of_its_size(tmp_path, divisor, orientation):
    path = write(tmp_path / 'a.jpg', exif=turned(orientation))
    size = [side // divisor for side in PIXELS.shape[:2]]
    shape = size if orientation == 1 else size[::-1]
    assert read_photograph(path, divisor).shape == (*shape, 3)


def test_grey_becomes_three_channels(tmp_path):
    read = read_photograph(write(tmp_path / 'a.png', PIXELS[..., 0]))
    np.testing.assert_array_equal(read, np.repeat(PIXELS[..., :1], 3, 2))


def test_transparency_is_left_aside(tmp_path):
    transparent = np.dstack([PIXELS, np.zeros(PIXELS.shape[:2], np.uint8)])
    read = read_photograph(write(tmp_path / 'a.png', transparent))
    np.testing.assert_array_equal(read[..., ::-1], PIXELS)


def test_a_palette_is_looked_up(tmp_path):
    Image.fromarray(PIXELS).quantize(8).save(tmp_path / 'a.png')
    read = read_photograph(tmp_path / 'a.png')
    np.testing.assert_array_equal(read[..., ::-1], PIXELS)


def test_of_sixteen_bits_the_upper_eight(tmp_path):
    deep = (PIXELS.astype(np.uint16) << 8) + 129
    cv2.imwrite(str(tmp_path / 'a.png'), deep)
    np.testing.assert_array_equal(read_photograph(tmp_path / 'a.png'), PIXELS)


@pytest.mark.parametrize('read', [read_photograph, read_map, read_header])
def test_what_is_no_image_is_named(tmp_path, read):
    path = tmp_path / 'a.png'
    with pytest.raises(InputError, match=f'^{path}: no such file$'):
        read(path)
    path.mkdir()
    with pytest.raises(InputError, match=f'^{path}: cannot be read .*directory'):
        read(path)
    path.rmdir()
    for content in (b'', b'no image'):
        path.write_bytes(content)
        with pytest.raises(InputError, match=f'^{path}: .*decoded .not an image.$'):
            read(path)


@pytest.mark.parametrize('kept', [0.3, 0.9])
@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_what_is_cut_off_is_named(tmp_path, suffix, kept):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)
    path = write(tmp_path / f'a{suffix}', noise)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(InputError, match=r'photograph cannot be decoded .*cut off'):
        read_photograph(path)
    with pytest.raises(InputError, match='map cannot be decoded'):
        read_map(path)


def test_a_jpeg_filled_up_with_zeros_is_cut_off(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)
    data = write(tmp_path / 'a.jpg', noise).read_bytes()
    half = len(data) // 2
    with pytest.raises(InputError, match='cut off, no end-of-image marker'):
        decode_photograph(data[:half] + bytes(half), 'a.jpg')
    assert decode_photograph(data + bytes(9), 'a.jpg').shape == (64, 96, 3)


def test_a_map_that_is_written_is_the_one_that_is_read(tmp_path):
    values = np.random.default_rng(0).choice(np.array([0, 1, 4, 255], np.uint8), (9, 7))
    for name, palette in (('grey', None), ('coloured', [[0, 0, 0], [255, 0, 0]])):
        (tmp_path / name).write_bytes(encode_map(values, palette))
        np.testing.assert_array_equal(read_map(tmp_path / name), values)
    with Image.open(tmp_path / 'coloured') as image:
        assert image.mode == 'P'
        assert image.getpalette()[:6] == [0, 0, 0, 255, 0, 0]


@pytest.mark.parametrize('rows', [1, 63, 64, 65, 130])
def test_a_map_is_read_as_stored(tmp_path, rows):
    values = np.random.default_rng(rows).integers(0, 256, (rows, 70), np.uint8)
    image = Image.fromarray(values)
    image.save(tmp_path / 'grey.png')
    image.putpalette(list(range(255, -1, -1)) * 3)
    image.save(tmp_path / 'palette.png')
    for name in ('grey.png', 'palette.png'):
        np.testing.assert_array_equal(read_map(tmp_path / name), values)


@pytest.mark.parametrize(
    'image',
    [
        Image.fromarray(PIXELS),
        Image.fromarray(PIXELS[..., 0]).convert('LA'),
        Image.fromarray(PIXELS[..., 0] > 0),
        Image.fromarray(PIXELS[..., 0].astype(np.uint16)),
    ],
    ids=['colour', 'transparency', '1 bit', '16 bits'],
)
def test_a_map_of_another_kind(tmp_path, image):
    image.save(tmp_path / 'a.png')
    with pytest.raises(InputError, match='expected one channel of 8 bits'):
        read_map(tmp_path / 'a.png')


def test_a_photograph_comes_with_notes(tmp_path):
    pixels, notes = open_photograph(write(tmp_path / 'a.png'))
    np.testing.assert_array_equal(pixels[..., ::-1], PIXELS)
    assert notes == []


def test_hidden_files_and_other_files_are_no_images(tmp_path):
    names = [
        'b.JPG',
        'a.tiff',
        '._a.tiff',
        '.b.jpg',
        'notes.txt',
        'in/c.png',
        '.in/d.png',
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'folder.png').mkdir()
    assert [p.name for p in find_images(tmp_path)] == ['a.tiff', 'b.JPG']
    found = [p.relative_to(tmp_path).as_posix() for p in find_images(tmp_path, True)]
    assert found == ['a.tiff', 'b.JPG', 'in/c.png']
