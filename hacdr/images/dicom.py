"""Photographs in DICOM files, read by pydicom (an optional dependency)."""

from __future__ import annotations

import io
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
        InputError: pydicom is missing, or the file holds no photograph that is read.
    """
    pydicom = _import_pydicom(where)
    described = pydicom.dcmread(file, stop_before_pixels=True)
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
        InputError: as above, or what decodes it is not installed.
    """
    pydicom = _import_pydicom(where)
    described = pydicom.dcmread(io.BytesIO(data))
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
