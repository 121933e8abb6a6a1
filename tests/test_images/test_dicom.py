import io
import sys

import numpy as np
import pytest
from PIL import Image

from hacdr.errors import InputError
from hacdr.images import open_photograph, read_header
from tests.test_images.forms import PIXELS, save, widen

pydicom = pytest.importorskip('pydicom', '3.0', reason='needs hacdr[dicom]')

from tests.test_images.dicom_forms import (  # noqa: E402
    BASELINE,
    JPEG_2000,
    JPEG_LOSSLESS,
    LOSSLESS,
    LOSSLESS_JPEG,
    RUN_LENGTH,
    VIDEO,
    change_syntax,
    palette,
    save_dicom,
)

GREY = PIXELS[..., 0]


def write(folder, data):
    (folder / 'a.dcm').write_bytes(data)
    return folder / 'a.dcm'


def jpeg_lossless():
    return save_dicom(PIXELS, encoded=(LOSSLESS_JPEG, JPEG_LOSSLESS))


@pytest.mark.parametrize('form', [*LOSSLESS, 'palette', 'JPEG Lossless'])
def test_a_photograph_is_read_to_the_pixel(tmp_path, form):
    if form == 'JPEG Lossless':
        pytest.importorskip('gdcm', reason='needs hacdr[dicom]')
        data = jpeg_lossless()
    else:
        data = {**LOSSLESS, 'palette': palette}[form](PIXELS)
    path = write(tmp_path, data)
    np.testing.assert_array_equal(open_photograph(path).pixels[..., ::-1], PIXELS)
    assert read_header(path).size == (48, 32)
    assert read_header(path).format == 'DICOM'


@pytest.mark.parametrize('syntax', ['57', '70', '80'])
@pytest.mark.parametrize('bits', [12, 16])
def test_lossless_jpeg_of_more_than_8_bits(tmp_path, bits, syntax):
    """JPEG Lossless by two processes, and JPEG-LS, of grey and of colour."""
    pytest.importorskip('gdcm', reason='needs hacdr[dicom]')
    for pixels, photometric in ((GREY, 'MONOCHROME2'), (PIXELS, 'RGB')):
        values = widen(pixels, 1 << bits - 8)
        path = write(tmp_path, save_dicom(values, photometric, bits))
        expected = open_photograph(path)
        change_syntax(path, syntax)
        assert pydicom.dcmread(path).file_meta.TransferSyntaxUID.endswith(f'.{syntax}')
        pixels, notes = open_photograph(path)
        np.testing.assert_array_equal(pixels, expected.pixels)
        assert notes == expected.notes


def ybr(pixels):
    return np.asarray(Image.fromarray(pixels).convert('YCbCr'))


@pytest.mark.parametrize(
    ('limit', 'data'),
    [
        (2, save_dicom(ybr(PIXELS), 'YBR_FULL')),
        (
            9,
            save_dicom(
                PIXELS,
                'YBR_FULL_422',
                encoded=(BASELINE, save(PIXELS, 'JPEG', quality=95, subsampling=0)),
            ),
        ),
    ],
)
def test_luminance_and_chrominance(tmp_path, limit, data):
    pixels = open_photograph(write(tmp_path, data)).pixels[..., ::-1]
    assert abs(pixels.astype(int) - PIXELS).mean() < limit


@pytest.mark.parametrize(
    ('note', 'data'),
    [
        (None, save_dicom(GREY, 'MONOCHROME2')),
        (None, save_dicom(255 - GREY, 'MONOCHROME1')),
        (
            '12 bits: divided by 16',
            save_dicom(GREY.astype(np.uint16) * 16, 'MONOCHROME2', 12),
        ),
        (
            '12 bits: divided by 16',
            save_dicom(4095 - GREY.astype(np.uint16) * 16, 'MONOCHROME1', 12),
        ),
    ],
)
def test_grey(tmp_path, note, data):
    pixels, notes = open_photograph(write(tmp_path, data))
    np.testing.assert_array_equal(pixels, np.repeat(GREY[..., None], 3, 2))
    assert notes == ['grey', *([note] if note else [])]


def test_the_first_of_several_images(tmp_path):
    data = save_dicom(
        PIXELS, NumberOfFrames=2, PixelData=PIXELS.tobytes() + bytes(PIXELS.size)
    )
    pixels, notes = open_photograph(write(tmp_path, data))
    np.testing.assert_array_equal(pixels[..., ::-1], PIXELS)
    assert notes == ['the first of several images in its file']


@pytest.mark.parametrize(
    ('reason', 'data'),
    [
        ('signed pixels', save_dicom(GREY, 'MONOCHROME2', PixelRepresentation=1)),
        ('photometric interpretation HSV', save_dicom(PIXELS, 'HSV')),
        ('photometric interpretation none', save_dicom(PIXELS, None)),
        ('DICOM without an image', save_dicom(PIXELS, Rows=None)),
        ('is 60000x60000 pixels', save_dicom(PIXELS, Rows=60000, Columns=60000)),
        ('cannot be decoded', save_dicom(PIXELS, PixelData=b'short.')),
        ('cannot be decoded', save_dicom(PIXELS, encoded=(BASELINE, b'no JPEG.'))),
        ('DICOM without an image', bytes(128) + b'DICM' + bytes(99)),
        ('No pixel data decoders', save_dicom(PIXELS, encoded=(VIDEO, b'..'))),
    ],
)
def test_what_is_not_read_is_named(tmp_path, reason, data):
    path = write(tmp_path, data)
    with pytest.raises(InputError, match=f'^{path}: .*{reason}'):
        open_photograph(path)


def jpeg_2000(pixels=PIXELS, **options):
    return save(pixels, 'JPEG2000', **options)


def test_a_jpeg_2000_in_boxes(tmp_path):
    """As some devices store it, though the standard has it without them."""
    data = save_dicom(PIXELS, 'YBR_RCT', encoded=(JPEG_2000, jpeg_2000(mct=1)))
    pixels = open_photograph(write(tmp_path, data)).pixels
    np.testing.assert_array_equal(pixels[..., ::-1], PIXELS)


LARGE = np.zeros((64, 80, 3), np.uint8)


@pytest.mark.parametrize(
    ('syntax', 'frame'),
    [
        (JPEG_2000, jpeg_2000(LARGE, no_jp2=True)),
        (JPEG_2000, jpeg_2000(LARGE)),
        (BASELINE, save(LARGE, 'JPEG')),
        # Bytes and a marker by which a reader could lose its way.
        (BASELINE, save(LARGE, 'JPEG').replace(b'\xff\xd8', b'\xff\xd8\xff\xff', 1)),
    ],
)
def test_a_compressed_image_of_another_size_is_not_decoded(
    tmp_path, monkeypatch, syntax, frame
):
    """It would take what memory it likes, whatever the file says of its size."""
    monkeypatch.setattr(pydicom.pixels, 'pixel_array', None)
    path = write(tmp_path, save_dicom(PIXELS, encoded=(syntax, frame)))
    with pytest.raises(
        InputError, match=r'is 80x64 pixels of 3 channels, .* 48x32 of 3'
    ):
        open_photograph(path)


@pytest.mark.parametrize(
    ('syntax', 'frame'),
    [
        (RUN_LENGTH, bytes(3 * PIXELS.size)),
        (BASELINE, b'\xff\xd8\xff\x01\0\x08\xff\xc0'),
        (JPEG_2000, b'\0\0\0\x0cjP  \r\n\x87\n\0\0\0\0'),
        (JPEG_2000, b'\0\0\0\x0cjP  '),
    ],
)
def test_a_compressed_image_without_a_size_is_not_decoded(
    tmp_path, monkeypatch, syntax, frame
):
    monkeypatch.setattr(pydicom.pixels, 'pixel_array', None)
    path = write(tmp_path, save_dicom(PIXELS, encoded=(syntax, frame)))
    with pytest.raises(InputError, match='photograph cannot be decoded') as caught:
        open_photograph(path)
    assert 'NoneType' not in str(caught.value)


def test_what_is_deflated_is_not_inflated(tmp_path, monkeypatch):
    described = pydicom.dcmread(io.BytesIO(save_dicom(PIXELS)))
    described.file_meta.TransferSyntaxUID = '1.2.840.10008.1.2.1.99'
    pydicom.dcmwrite(tmp_path / 'a.dcm', described)
    monkeypatch.setattr('zlib.decompress', None)
    for read in (open_photograph, read_header):
        with pytest.raises(InputError, match=r'a\.dcm: is DICOM that is deflated'):
            read(tmp_path / 'a.dcm')


def test_without_a_decoder_one_line_says_what_to_install(tmp_path, monkeypatch):
    decoder = type(pydicom.pixels.get_decoder(LOSSLESS_JPEG))
    monkeypatch.setattr(decoder, 'is_available', False)
    path = write(tmp_path, jpeg_lossless())
    with pytest.raises(InputError, match=r'JPEG Lossless.* pip install python-gdcm'):
        open_photograph(path)


def test_without_pydicom_one_line_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path, save_dicom(PIXELS))
    monkeypatch.setitem(sys.modules, 'pydicom', None)
    with pytest.raises(InputError, match=rf"^{path}: .*pip install 'hacdr\[dicom\]'"):
        open_photograph(path)
