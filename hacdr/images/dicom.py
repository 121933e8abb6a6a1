"""Photographs in DICOM files, read by pydicom (an optional dependency)."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hacdr.errors import InputError
from hacdr.images.files import check_size

# A preamble that anything may stand in, then four letters.
PREAMBLE, LETTERS = 128, b'DICM'
MAGIC_END = PREAMBLE + len(LETTERS)
GREY = 'MONOCHROME1', 'MONOCHROME2'
PALETTE = 'PALETTE COLOR'
# pydicom returns all but the first as RGB.
COLOUR = 'RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_ICT', 'YBR_RCT'
# How compressed images begin: JPEG, JPEG 2000, and that in the boxes of a .jp2.
JPEG, CODESTREAM, BOXES = b'\xff\xd8', b'\xff\x4f\xff\x51', b'\0\0\0\x0cjP  '
# The markers of a JPEG, or JPEG-LS, that size and channels follow.
FRAME_MARKERS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
# Those that do not come before it, or that no segment follows.
BARE_MARKERS = {*range(0xC0), *range(0xD0, 0xDB)}
RUN_LENGTH_HEADER = 64


def is_dicom(start: bytes) -> bool:
    """Tell whether a file is DICOM.

    Args:
        start (bytes): its first MAGIC_END bytes.
    """
    return start[PREAMBLE:MAGIC_END] == LETTERS


def decode_header(
    file: BinaryIO, where: str | Path
) -> tuple[tuple[int, int], str, bool]:
    """Read what a DICOM file says about its image.

    Args:
        file (BinaryIO): at its beginning; it is left there.
        where (str | Path): what to call it in messages.

    Returns:
        Tuple[Tuple[int, int], str, bool]: width and height, 'RGB' or 'L', and whether
        it holds more than one image.

    Raises:
        InputError: pydicom is missing, or the file holds no photograph that is read or
            is deflated as a whole.
    """
    described = _read(_import_pydicom(where), file, where, stop_before_pixels=True)
    file.seek(0)
    photometric = _check(described, where)
    size = int(described.Columns), int(described.Rows)
    mode = 'L' if photometric in GREY else 'RGB'
    return size, mode, int(described.get('NumberOfFrames') or 1) > 1


def decode_pixels(data: bytes, where: str | Path) -> tuple[np.ndarray, int]:
    """Decode the first image of a DICOM file.

    Args:
        data (bytes): content of the file.
        where (str | Path): what to call it in messages.

    Returns:
        Tuple[np.ndarray, int]: unsigned integers (H, W, 1) or RGB (H, W, 3), and of how
        many bits each is.

    Raises:
        InputError: as above, what decodes it is not installed, or the compressed image
            is of another size than the file says.
    """
    pydicom = _import_pydicom(where)
    described = _read(pydicom, io.BytesIO(data), where)
    photometric = _check(described, where)
    check_size((int(described.Columns), int(described.Rows)), where)
    if 'PixelData' not in described:
        raise InputError(f'{where}: is DICOM without an image')
    bits = int(described.BitsStored)
    syntax = described.file_meta.TransferSyntaxUID
    if syntax.is_compressed and not pydicom.pixels.get_decoder(syntax).is_available:
        raise InputError(
            f'{where}: is compressed as {syntax.name}, which needs another package to '
            'decode: pip install python-gdcm'
        )
    if syntax.is_compressed:
        _check_frame(pydicom, described, where)
    pixels = pydicom.pixels.pixel_array(described, index=0)
    if photometric == PALETTE:
        pixels = pydicom.pixels.apply_color_lut(pixels, described)
        bits = 8 * pixels.itemsize
    if photometric == 'MONOCHROME1':
        # The lowest value is white.
        pixels = (1 << bits) - 1 - pixels
    return np.atleast_3d(pixels), bits


def _import_pydicom(where):
    try:
        import pydicom
        import pydicom.pixels
    except ImportError as error:
        raise InputError(
            f"{where}: is DICOM, which needs pydicom 3: pip install 'hacdr[dicom]' "
            f'(Python 3.10 or newer; {error})'
        ) from None
    return pydicom


def _read(pydicom, file, where, **options):
    """Read a file whose elements are stored as they are."""
    file.seek(MAGIC_END)
    # By this pydicom itself tells that it has to inflate, however much that becomes.
    meta = pydicom.filereader._read_file_meta_info(file)
    syntax = meta.get('TransferSyntaxUID')
    if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:
        raise InputError(
            f'{where}: is DICOM that is deflated as a whole ({syntax.name}), expected '
            'another transfer syntax'
        )
    file.seek(0)
    return pydicom.dcmread(file, **options)


def _check_frame(pydicom, described, where):
    """Refuse a compressed image that becomes larger than the file says."""
    if 'ExtendedOffsetTable' in described:
        # One that is damaged would show another image here than is decoded.
        del described.ExtendedOffsetTable
    number = pydicom.pixels.as_pixel_options(described)['number_of_frames']
    frame = pydicom.encaps.get_frame(described.PixelData, 0, number_of_frames=number)
    said = int(described.Columns), int(described.Rows), int(described.SamplesPerPixel)
    if described.file_meta.TransferSyntaxUID == pydicom.uid.RLELossless:
        # Runs do not say what they become; it is less than 64 times as much.
        size = said[0] * said[1] * said[2] * int(described.BitsAllocated) // 8
        if len(frame) > 2 * size + RUN_LENGTH_HEADER:
            raise ValueError(f'{len(frame)} bytes of runs for an image of {size}')
        return
    found = _read_frame_size(frame)
    if found != said:
        sizes = '{}x{} pixels of {} channels, expected {}x{} of {}'
        raise InputError(
            f'{where}: its compressed image is {sizes.format(*found, *said)} as the '
            'file says'
        )


def _read_frame_size(frame):
    """Return width, height and channels of a compressed image, as it says itself.

    Raises:
        Exception: of any kind, where it is damaged or neither JPEG nor JPEG 2000.
    """
    if frame.startswith(JPEG):
        height, width, channels = struct.unpack_from('>HHB', frame, _find_frame(frame))
        return width, height, channels
    place = _find_codestream(frame)
    if not frame.startswith(CODESTREAM, place):
        raise ValueError('neither JPEG nor JPEG 2000')
    right, lower, left, upper = struct.unpack_from('>4I', frame, place + 8)
    (channels,) = struct.unpack_from('>H', frame, place + 40)
    return right - left, lower - upper, channels


def _find_frame(frame):
    """Return where a JPEG says its size."""
    place = len(JPEG)
    while True:
        start, marker, length = struct.unpack_from('>BBH', frame, place)
        if start == marker == 0xFF:
            # A marker may have several before it.
            place += 1
        elif start != 0xFF or marker in BARE_MARKERS or length < 2:
            raise ValueError('a JPEG without size')
        elif marker in FRAME_MARKERS:
            return place + 5
        else:
            place += 2 + length


def _find_codestream(frame):
    """Return where the JPEG 2000 begins, also in the boxes of a .jp2."""
    place = 0
    if frame.startswith(BOXES):
        while not frame.startswith(b'jp2c', place + 4):
            (length,) = struct.unpack_from('>I', frame, place)
            if length < 8:
                raise ValueError('a box of JPEG 2000 without length')
            place += length
        place += 8
    return place


def _check(described, where):
    """Refuse what is no photograph of unsigned integers; return its kind of colour."""
    if not (described.get('Rows') and described.get('Columns')):
        raise InputError(f'{where}: is DICOM without an image')
    photometric = described.get('PhotometricInterpretation') or 'none'
    known = *GREY, PALETTE, *COLOUR
    if photometric not in known:
        raise InputError(
            f'{where}: has the photometric interpretation {photometric}, expected one '
            f'of {", ".join(known)}'
        )
    if described.get('PixelRepresentation', 0) != 0:
        raise InputError(f'{where}: has signed pixels, expected unsigned ones')
    return photometric
