import base64
import io
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from hacdr.errors import InputError
from hacdr.images import open_photograph, read_header
from tests.test_images.forms import PIXELS, save

pydicom = pytest.importorskip('pydicom', '3.0', reason='needs hacdr[dicom]')

# PIXELS as JPEG Lossless, first-order prediction; nothing here writes it.
JPEG_LOSSLESS = zlib.decompress(
    base64.b85decode(
        'c-'
        's4a<NrGbKF5^&q*R6!1`zmvm_d+(L4m=5IY^MfU68>^km3Ik1}O$c24+S^Mg|06Vdr3DW&'
        'VGQfrmMW!JWYgsDfdWR?R=KBv0kJS_cL+z}Rnjeg(Q9gW+?_uNZ=CHqY%AV2D1heIEd0OY'
        'Yj&0Aur+--'
        '8>$ID7RAax@&D^ZW_}gOuCBc}N!WTwb~+0nEyjW~)GwF!r0a5o{Xck{rngND^nQqK-'
        'j)FmXeA145kH<Yl%5m^A=a+>Lj@s=++`0s~eXu6|*_>ZH<IhGAj>Re=2en*dxecp3'
    )
)
GREY = PIXELS[..., 0]
BASELINE, LOSSLESS_JPEG = '1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.70'
VIDEO = '1.2.840.10008.1.2.4.106'
JPEG_2000, RUN_LENGTH = '1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.5'


def save_dicom(pixels, photometric='RGB', bits=None, encoded=None, **elements):
    """Return the bytes of a DICOM file.

    Args:
        pixels (np.ndarray): (H, W) or (H, W, 3), uint8 or uint16.
        encoded (tuple[str, bytes], optional): the transfer syntax and the compressed
            pixels.
        elements: further ones, or others than follow from the pixels.
    """
    described = pydicom.Dataset()
    described.file_meta = pydicom.dataset.FileMetaDataset()
    described.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    described.SOPClassUID = described.file_meta.MediaStorageSOPClassUID = (
        '1.2.840.10008.5.1.4.1.1.77.1.5.1'
    )
    described.SOPInstanceUID = described.file_meta.MediaStorageSOPInstanceUID = '1.2.3'
    described.Rows, described.Columns = pixels.shape[:2]
    described.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    described.PhotometricInterpretation = photometric
    described.BitsAllocated = 8 * pixels.itemsize
    described.BitsStored = bits or 8 * pixels.itemsize
    described.HighBit = described.BitsStored - 1
    described.PixelRepresentation = 0
    if pixels.ndim == 3:
        described.PlanarConfiguration = 0
    if encoded:
        described.file_meta.TransferSyntaxUID = encoded[0]
        described.PixelData = pydicom.encaps.encapsulate([encoded[1]])
        described['PixelData'].VR = 'OB'
    else:
        described.PixelData = pixels.tobytes()
    for name, value in elements.items():
        setattr(described, name, value)
    file = io.BytesIO()
    pydicom.dcmwrite(file, described, enforce_file_format=True)
    return file.getvalue()


def run_length_coded():
    """Return PIXELS run-length coded, as pydicom does it."""
    described = pydicom.dcmread(io.BytesIO(save_dicom(PIXELS)))
    described.compress(RUN_LENGTH)
    file = io.BytesIO()
    pydicom.dcmwrite(file, described)
    return file.getvalue()


def palette():
    """Return PIXELS as indices into a palette of 16 bits a colour."""
    colours, indices = np.unique(PIXELS.reshape(-1, 3), axis=0, return_inverse=True)
    tables = {}
    for channel, name in enumerate(('Red', 'Green', 'Blue')):
        table = colours[:, channel].astype(np.uint16) * 257
        tables[f'{name}PaletteColorLookupTableDescriptor'] = [len(colours), 0, 16]
        tables[f'{name}PaletteColorLookupTableData'] = table.tobytes()
    indices = indices.reshape(PIXELS.shape[:2]).astype(np.uint8)
    return save_dicom(indices, 'PALETTE COLOR', **tables)


LOSSLESS = {
    'RGB': lambda: save_dicom(PIXELS),
    'RGB in planes': lambda: save_dicom(
        PIXELS,
        PlanarConfiguration=1,
        PixelData=np.moveaxis(PIXELS, 2, 0).tobytes(),
    ),
    'RGB of 16 bits': lambda: save_dicom(PIXELS.astype(np.uint16) * 257),
    'RGB of 12 bits': lambda: save_dicom(PIXELS.astype(np.uint16) * 16, bits=12),
    'RGB of 12 bits that says 16': lambda: save_dicom(PIXELS.astype(np.uint16) * 16),
    'palette': palette,
    'run-length coded': run_length_coded,
    'JPEG Lossless': lambda: save_dicom(PIXELS, encoded=(LOSSLESS_JPEG, JPEG_LOSSLESS)),
    'JPEG 2000': lambda: save_dicom(
        PIXELS,
        'YBR_RCT',
        encoded=(JPEG_2000, save(PIXELS, 'JPEG2000', no_jp2=True, mct=1)),
    ),
}


def write(folder, data):
    (folder / 'a.dcm').write_bytes(data)
    return folder / 'a.dcm'


@pytest.mark.parametrize('form', LOSSLESS)
def test_a_photograph_is_read_to_the_pixel(tmp_path, form):
    if form == 'JPEG Lossless':
        pytest.importorskip('gdcm', reason='needs hacdr[dicom]')
    path = write(tmp_path, LOSSLESS[form]())
    np.testing.assert_array_equal(open_photograph(path).pixels[..., ::-1], PIXELS)
    assert read_header(path).size == (48, 32)
    assert read_header(path).format == 'DICOM'


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


def test_without_a_decoder_one_line_says_what_to_install(tmp_path, monkeypatch):
    decoder = type(pydicom.pixels.get_decoder(LOSSLESS_JPEG))
    monkeypatch.setattr(decoder, 'is_available', False)
    path = write(tmp_path, LOSSLESS['JPEG Lossless']())
    with pytest.raises(InputError, match=r'JPEG Lossless.* pip install python-gdcm'):
        open_photograph(path)


def test_without_pydicom_one_line_says_what_to_install(tmp_path, monkeypatch):
    path = write(tmp_path, save_dicom(PIXELS))
    monkeypatch.setitem(sys.modules, 'pydicom', None)
    with pytest.raises(InputError, match=rf"^{path}: .*pip install 'hacdr\[dicom\]'"):
        open_photograph(path)
