import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from hacdr.errors import InputError
from hacdr.images import (
    decode_photograph,
    find_images,
    open_photograph,
    read_header,
    read_map,
    read_photograph,
)
from tests.test_images.forms import (
    FEW_COLOURS,
    LOSSLESS,
    LOSSY,
    PIXELS,
    orientation_tags,
    save,
    save_deep,
    save_png,
    save_tiff,
    widen,
    with_alpha,
)

DEEP = widen(PIXELS)
ANY = {**LOSSLESS, **LOSSY, **FEW_COLOURS}


def write(folder, data, name='a'):
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize('form', {**LOSSLESS, **FEW_COLOURS})
def test_a_lossless_form_is_read_to_the_pixel(tmp_path, form):
    path = write(tmp_path, ANY[form](PIXELS))
    np.testing.assert_array_equal(read_photograph(path)[..., ::-1], PIXELS)
    assert read_header(path).size == PIXELS.shape[1::-1]


@pytest.mark.parametrize('form', LOSSY)
def test_a_lossy_form_is_read(tmp_path, form):
    path = write(tmp_path, ANY[form](PIXELS))
    difference = read_photograph(path)[..., ::-1].astype(int) - PIXELS
    assert abs(difference).mean() < 4
    assert read_header(path).size == PIXELS.shape[1::-1]


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.tif', '.webp'])
@pytest.mark.parametrize('orientation', range(10))
def test_a_photograph_is_turned_as_exif_says(tmp_path, suffix, orientation):
    path = tmp_path / f'a{suffix}'
    tags = orientation_tags(orientation)
    Image.fromarray(PIXELS).save(path, exif=tags, **{'lossless': True})
    expected = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    read, notes = open_photograph(path)
    # Two decoders of JPEG.
    limit = 3 if suffix == '.jpg' else 0
    assert abs(read[..., ::-1].astype(int) - expected).max() <= limit
    assert read_header(path).size == read.shape[1::-1] == expected.shape[1::-1]
    assert read_header(path).stored_size == (48, 32)
    # 0 is what some cameras write for unknown.
    assert len(notes) == (orientation > 1)


@pytest.mark.parametrize('values', [DEEP, (PIXELS / 255).astype(np.float32)])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_deep_tiff_is_turned_once(tmp_path, orientation, values):
    path = write(tmp_path, save_tiff(values, {0x0112: orientation}))
    turned = Image.fromarray(PIXELS)
    turned.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(turned))
    np.testing.assert_array_equal(read_photograph(path)[..., ::-1], expected)
    assert read_header(path).size == expected.shape[1::-1]


@pytest.mark.parametrize('values', [PIXELS, DEEP])
@pytest.mark.parametrize(
    ('said', 'turned'), [('6', True), ('top left', False), ('9', False)]
)
def test_an_orientation_written_as_text(tmp_path, values, said, turned):
    path = write(tmp_path, save_tiff(values, text_tags={0x0112: said}))
    pixels, notes = open_photograph(path)
    expected = np.rot90(PIXELS, -1) if turned else PIXELS
    np.testing.assert_array_equal(pixels[..., ::-1], expected)
    (note,) = [note for note in notes if 'Exif' in note]
    assert said in note


def test_exif_that_cannot_be_read_turns_nothing(tmp_path):
    path = write(tmp_path, save(PIXELS, 'JPEG', exif=b'Exif\0\0not a TIFF'))
    assert read_header(path).orientation == 1
    assert read_photograph(path).shape == PIXELS.shape


@pytest.mark.parametrize('orientation', [1, 6])
@pytest.mark.parametrize('divisor', [2, 4, 8])
def test_a_jpeg_decoded_at_a_part_of_its_size(tmp_path, divisor, orientation):
    path = write(tmp_path, save(PIXELS, 'JPEG', exif=orientation_tags(orientation)))
    size = [side // divisor for side in PIXELS.shape[:2]]
    shape = size if orientation == 1 else size[::-1]
    assert read_photograph(path, divisor).shape == (*shape, 3)


def test_what_is_no_jpeg_is_not_reduced(tmp_path):
    with pytest.raises(ValueError, match='PNG cannot be decoded at 1/2'):
        read_photograph(write(tmp_path, save(PIXELS, 'PNG')), 2)


GREY = PIXELS[..., 0]
EYE = PIXELS.max(2) > 10


@pytest.mark.parametrize(
    'data',
    [
        save(GREY, 'PNG'),
        save(with_alpha(GREY[..., None], 255), 'PNG'),
        save(GREY, 'TIFF'),
        save(GREY, 'JPEG2000'),
        save(GREY, 'BMP'),
        save_deep(GREY.astype(np.uint16) * 257, '.png'),
        save_deep(GREY.astype(np.uint16) * 257, '.tif'),
        save_tiff((GREY / 255).astype(np.float32)),
    ],
)
def test_grey_becomes_three_channels(tmp_path, data):
    pixels, notes = open_photograph(write(tmp_path, data))
    np.testing.assert_array_equal(pixels, np.repeat(GREY[..., None], 3, 2))
    assert notes.count('grey') == 1


def test_grey_and_transparency_of_16_bits(tmp_path):
    values = np.dstack([widen(GREY), widen(255 * EYE)]).astype('>u2')
    data = save_png([row.tobytes() for row in values], (48, 32), 16, 4)
    pixels, notes = open_photograph(write(tmp_path, data))
    np.testing.assert_array_equal(pixels, (GREY * EYE)[..., None].repeat(3, 2))
    assert 'transparent pixels' in notes[0]


def test_grey_jpeg_is_noted(tmp_path):
    assert open_photograph(write(tmp_path, save(GREY, 'JPEG'))).notes == ['grey']


@pytest.mark.parametrize(
    ('note', 'data'),
    [
        ('16 bits: divided by 256', save_deep(DEEP, '.png')),
        (
            '12 bits in 16 (brightest value 3520): divided by 16',
            save_deep(PIXELS.astype(np.uint16) * 16, '.png'),
        ),
        ('floats, white taken as 1: scaled to 255', save_tiff(PIXELS / 255)),
        ('the first of several images in its file', ANY['mpo'](PIXELS)),
        (
            'the first of several images in its file',
            save(
                PIXELS, 'TIFF', save_all=True, append_images=[Image.new('RGB', (9, 9))]
            ),
        ),
        ('CMYK, converted without a colour profile', ANY['jpeg of CMYK'](PIXELS)),
        ('CMYK, converted without a colour profile', ANY['tiff of CMYK'](PIXELS)),
        ('palette of 256 colours at most', ANY['png with a palette'](PIXELS)),
        (
            'transparent everywhere: transparency is left aside',
            ANY['png, clear everywhere'](PIXELS),
        ),
        (
            'its fourth channel is left aside',
            ANY['tiff of 16 bits, 4th unknown'](PIXELS),
        ),
        (
            'turned as its Exif orientation 3 says',
            save(PIXELS, 'PNG', exif=orientation_tags(3)),
        ),
        (
            'unknown Exif orientation 9: not turned',
            save(PIXELS, 'PNG', exif=orientation_tags(9)),
        ),
    ],
)
def test_what_is_scaled_or_assumed_is_said(tmp_path, note, data):
    assert note in open_photograph(write(tmp_path, data)).notes


@pytest.mark.parametrize(
    'form', ['png', 'tiff', 'bmp', 'webp', 'jp2', 'png with alpha']
)
def test_of_an_ordinary_photograph_nothing_is_said(tmp_path, form):
    assert open_photograph(write(tmp_path, ANY[form](PIXELS))).notes == []


# White hides where it is clear, as many programs write it.
HIDDEN = with_alpha(np.where(EYE[..., None], PIXELS, 255).astype(np.uint8), 255 * EYE)


@pytest.mark.parametrize(
    'data',
    [
        save(HIDDEN, 'PNG'),
        save(HIDDEN, 'TIFF'),
        save(HIDDEN, 'WEBP', lossless=True, exact=True),
        save(HIDDEN, 'JPEG2000'),
        save_deep(HIDDEN.astype(np.uint16) * 257, '.png'),
        save_tiff(HIDDEN.astype(np.uint16) * 257),
    ],
    ids=['png', 'tiff', 'webp', 'jp2', '16-bit png', '16-bit tiff'],
)
def test_what_is_clear_is_black(tmp_path, data):
    pixels, notes = open_photograph(write(tmp_path, data))
    np.testing.assert_array_equal(pixels[..., ::-1], PIXELS * EYE[..., None])
    (note,) = [note for note in notes if 'transparent' in note]
    assert note == (
        f'transparent pixels ({100 * (1 - EYE.mean()):.1f} %): laid over black, '
        'outside the field of view'
    )


@pytest.mark.parametrize('mode', ['L', 'P', 'RGB'])
def test_a_colour_that_stands_for_clear_is_black(tmp_path, mode):
    colour = {'L': 5, 'P': 0, 'RGB': (5, 5, 5)}[mode]
    image = Image.fromarray(PIXELS[..., 0] if mode == 'L' else PIXELS)
    if mode == 'P':
        image = image.quantize(8)
        colour = image.getpixel((47, 31))
    image.save(tmp_path / 'a.png', transparency=colour)
    pixels = read_photograph(tmp_path / 'a.png')
    assert (pixels[31, 47] == 0).all()
    assert (pixels[15, 20] > 0).any()


@pytest.mark.parametrize(
    ('reason', 'data'),
    [
        ('planar_configuration 2', save_tiff(DEEP, {0x011C: 2})),
        ('photometric 0', save_tiff(DEEP[..., 0], {0x0106: 0})),
        ('photometric 5', save_tiff(with_alpha(DEEP, 0), {0x0106: 5})),
        (r'bits \[32\], sample_format \[1\]', save_tiff(PIXELS.astype(np.uint32))),
        (r'sample_format \[2\]', save_tiff(PIXELS.astype(np.int16))),
        ('channels 2', save_tiff(DEEP[..., :2])),
        (r'bits \[16\], sample_format \[3\]', save_tiff(PIXELS.astype(np.float16))),
        ('floats from 0 to nan|floats from nan', save_tiff(PIXELS * np.float32('nan'))),
        ('floats from -', save_tiff(PIXELS.astype(np.float32) - 100)),
        ('floats from 0 to 1.44', save_tiff(PIXELS.astype(np.float32) ** 3 * 1.36)),
        (
            'stands for transparent',
            save_png([bytes(8)] * 4, (4, 4), 16, 0, transparent=bytes(2)),
        ),
        ('first image is a thumbnail', save_tiff(PIXELS, {0x00FE: 1})),
        ('PPM is read for maps and masks only', save(PIXELS, 'PPM')),
        ('GIF is read for maps and masks only', save(PIXELS, 'GIF')),
        ('mode LAB', save(Image.new('LAB', (9, 9)), 'TIFF')),
        (r'sample_format \[2\]', save_tiff(PIXELS.astype(np.int8))),
    ],
)
def test_what_is_ambiguous_is_refused(tmp_path, reason, data):
    path = write(tmp_path, data)
    with pytest.raises(InputError, match=f'^{path}: .*({reason}).*$'):
        open_photograph(path)


@pytest.mark.parametrize('read', [read_photograph, read_map, read_header])
def test_what_is_no_image_is_named(tmp_path, read):
    path = tmp_path / 'a.png'
    with pytest.raises(InputError, match=f'^{path}: no such file$'):
        read(path)
    path.mkdir()
    with pytest.raises(InputError, match=f'^{path}: is not a file$'):
        read(path)
    path.rmdir()
    for content in (b'', b'no image', b'%!PS-Adobe-3.0 EPSF-3.0\n'):
        path.write_bytes(content)
        with pytest.raises(InputError, match=f'^{path}: .*decoded .not an image.$'):
            read(path)


@pytest.mark.parametrize('kept', [0.3, 0.9])
@pytest.mark.parametrize(
    'form', ['png', 'jpeg', 'tiff', 'bmp', 'webp', 'jp2', 'png16', 'tiff16', 'floats']
)
def test_what_is_cut_off_is_named(form, kept, capfd):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    if form == 'floats':
        data = save_tiff(noise / np.float32(255))
    elif form.endswith('16'):
        data = save_deep(noise * np.uint16(257), '.png' if form == 'png16' else '.tif')
    else:
        data = save(noise, {'jp2': 'JPEG2000'}.get(form, form))
    assert decode_photograph(data, 'a').shape == noise.shape
    with pytest.raises(InputError, match=r'^a: photograph cannot be decoded'):
        decode_photograph(data[: int(kept * len(data))], 'a')
    # Libraries say nothing beside it.
    assert capfd.readouterr() == ('', '')


def test_a_jpeg_filled_up_with_zeros_is_cut_off(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)
    data = save(noise, 'JPEG')
    half = len(data) // 2
    with pytest.raises(InputError, match='cut off, no end-of-image marker'):
        decode_photograph(data[:half] + bytes(half), 'a.jpg')
    assert decode_photograph(data + bytes(9), 'a.jpg').shape == (64, 96, 3)


def test_only_the_end_of_the_photograph_itself_counts(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96), np.uint8)
    film = b'ftypmp42' + b'\xff\xda' + bytes(5)
    for progressive in (False, True):
        data = save(noise, 'JPEG', progressive=progressive)
        assert decode_photograph(data + film, 'a.jpg').shape == (64, 96, 3)
        # A segment that holds a whole thumbnail, and another one behind the rest.
        thumbnail = save(noise[:8, :8], 'JPEG')
        length = (len(thumbnail) + 2).to_bytes(2, 'big')
        within = data[:2] + b'\xff\xe5' + length + thumbnail + data[2:]
        assert decode_photograph(within, 'a.jpg').shape == (64, 96, 3)
        half = within[: len(within) - len(data) // 2]
        with pytest.raises(InputError, match='cut off, no end-of-image marker'):
            decode_photograph(half + bytes(99), 'a.jpg')


def claim_size(form, width, height):
    """Return a small file whose header claims another size."""
    if form == 'TIFF':
        return save_tiff(PIXELS, {0x0100: width, 0x0101: height})
    # How a header has width and height, or height and width.
    layout, step = {
        'PNG': ('>II', 1),
        'BMP': ('<ii', 1),
        'JPEG': ('>HH', -1),
        'JPEG2000': ('>II', 1),
    }[form]
    data = save(PIXELS, form, **(dict(no_jp2=True) if form == 'JPEG2000' else {}))
    old = struct.pack(layout, *PIXELS.shape[1::-1][::step])
    assert old in data
    data = data.replace(old, struct.pack(layout, *(width, height)[::step]))
    if form == 'PNG':
        data = data[:29] + struct.pack('>I', zlib.crc32(data[12:29])) + data[33:]
    return data


@pytest.mark.parametrize('read', [open_photograph, read_header, read_map])
@pytest.mark.parametrize(
    ('form', 'width', 'height'),
    [
        ('PNG', 100_000, 100_000),
        ('PNG', 10_001, 10_000),
        ('BMP', 100_000, 100_000),
        ('JPEG', 65_000, 65_000),
        ('TIFF', 65_000, 65_000),
        ('JPEG2000', 100_000, 100_000),
    ],
)
def test_what_is_too_large_is_refused_before_it_is_decoded(
    tmp_path, form, width, height, read
):
    path = write(tmp_path, claim_size(form, width, height))
    with pytest.raises(InputError, match=f'^{path}: .*pixels, expected .*100 mil'):
        read(path)


def test_a_huge_file_is_not_read(tmp_path):
    data = bytearray(save(PIXELS, 'BMP'))
    data[18:26] = struct.pack('<ii', 100_000, 100_000)
    path = write(tmp_path, data)
    # Sparse: they take no room on the disk.
    with open(path, 'ab') as file:
        file.truncate(1 << 31)
    tracemalloc.start()
    with pytest.raises(InputError, match='100 million'):
        read_photograph(path)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()
    with open(path, 'ab') as file:
        file.truncate((1 << 31) + 1)
    with pytest.raises(InputError, match='is 2147483649 bytes, expected at most'):
        read_photograph(path)


def test_hidden_files_and_other_files_are_no_images(tmp_path):
    for name in (
        'b.JPG',
        'a.tiff',
        '._a.tiff',
        '.b.jpg',
        'a.txt',
        'in/c.png',
        '.d/e.png',
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / 'folder.png').mkdir()
    assert [path.name for path in find_images(tmp_path)] == ['a.tiff', 'b.JPG']
    found = [
        path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path, True)
    ]
    assert found == ['a.tiff', 'b.JPG', 'in/c.png']
