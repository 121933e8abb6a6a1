"""DICOM files; importing this needs pydicom."""

import base64
import io
import zlib

import numpy as np
import pydicom

from tests.test_images.forms import save, widen

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


def run_length_coded(pixels):
    """Return the bytes of a file that is run-length coded, as pydicom does it."""
    described = pydicom.dcmread(io.BytesIO(save_dicom(pixels)))
    described.compress(RUN_LENGTH)
    file = io.BytesIO()
    pydicom.dcmwrite(file, described)
    return file.getvalue()


def palette(pixels):
    """Return the bytes of a file with a palette of 16 bits a colour."""
    colours, indices = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    tables = {}
    for channel, name in enumerate(('Red', 'Green', 'Blue')):
        table = colours[:, channel].astype(np.uint16) * 257
        tables[f'{name}PaletteColorLookupTableDescriptor'] = [len(colours), 0, 16]
        tables[f'{name}PaletteColorLookupTableData'] = table.tobytes()
    indices = indices.reshape(pixels.shape[:2]).astype(np.uint8)
    return save_dicom(indices, 'PALETTE COLOR', **tables)


def change_syntax(path, syntax):
    """Compress a file in another way, as python-gdcm does it.

    Args:
        path (Path): the file; replaced.
        syntax (str): the last number of the transfer syntax.
    """
    import gdcm

    kinds = {
        '57': gdcm.TransferSyntax.JPEGLosslessProcess14,
        '70': gdcm.TransferSyntax.JPEGLosslessProcess14_1,
        '80': gdcm.TransferSyntax.JPEGLSLossless,
    }
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    assert reader.Read()
    change = gdcm.ImageChangeTransferSyntax()
    change.SetTransferSyntax(gdcm.TransferSyntax(kinds[syntax]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer = gdcm.ImageWriter()
    writer.SetFileName(str(path))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()


# As forms.LOSSLESS.
LOSSLESS = {
    'dicom': save_dicom,
    'dicom, in planes': lambda p: save_dicom(
        p, PlanarConfiguration=1, PixelData=np.moveaxis(p, 2, 0).tobytes()
    ),
    'dicom of 16 bits': lambda p: save_dicom(widen(p)),
    'dicom of 12 bits': lambda p: save_dicom(widen(p, 16), bits=12),
    'dicom of 12 bits that says 16': lambda p: save_dicom(widen(p, 16)),
    'dicom, run-length coded': run_length_coded,
    'dicom of jpeg 2000': lambda p: save_dicom(
        p, 'YBR_RCT', encoded=(JPEG_2000, save(p, 'JPEG2000', no_jp2=True, mct=1))
    ),
}
