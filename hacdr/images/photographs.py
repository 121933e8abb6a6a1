"""Photographs, whatever they were saved as, to BGR of 8 bits."""

from __future__ import annotations

import io
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Callable, NamedTuple

import cv2
import numpy as np

from hacdr.files import refuse_folder, walk_files
from hacdr.images import dicom
from hacdr.images.channels import lay_over_black, reduce_to_8_bits
from hacdr.images.files import (
    damaged,
    one_line_errors,
    open_image,
    open_image_file,
    to_array,
)
from hacdr.images.headers import PNG_DEPTH, decode_header
from hacdr.images.tiff import check_deep_tiff, has_straight_alpha, is_deep_tiff

PHOTOGRAPH_SUFFIXES = (
    *('.jpg', '.jpeg', '.jfif', '.mpo', '.png', '.tif', '.tiff', '.bmp', '.webp'),
    *('.jp2', '.j2k', '.dcm', '.dicom'),
)
# What a JPEG can be divided by while it is decoded.
DECODE_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
# Exif's orientation -> how to undo it, in one or two steps.
TURNS = {
    1: (),
    2: (partial(cv2.flip, flipCode=1),),
    3: (partial(cv2.rotate, rotateCode=cv2.ROTATE_180),),
    4: (partial(cv2.flip, flipCode=0),),
    5: (cv2.transpose,),
    6: (partial(cv2.rotate, rotateCode=cv2.ROTATE_90_CLOCKWISE),),
    7: (cv2.transpose, partial(cv2.rotate, rotateCode=cv2.ROTATE_180)),
    8: (partial(cv2.rotate, rotateCode=cv2.ROTATE_90_COUNTERCLOCKWISE),),
}
START_OF_IMAGE, START_OF_SCAN, END_OF_IMAGE = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
# Of JPEG 2000, from where a codestream begins to the bits of its first channel.
CODESTREAM_DEPTH = 42
SHALLOW_FORMATS = 'PNG', 'TIFF', 'BMP', 'WEBP', 'JPEG2000'
# Pillow's modes that are shown in 8 bits as they are, and those with transparency.
OPAQUE = {
    '1': 'black and white',
    'L': 'grey',
    'P': 'palette of 256 colours at most',
    'RGB': None,
    'CMYK': 'CMYK, converted without a colour profile',
    'YCbCr': None,
}
TRANSPARENT = {
    'LA': 'grey',
    'La': 'grey',
    'PA': OPAQUE['P'],
    'RGBA': None,
    'RGBa': None,
}


class Photograph(NamedTuple):
    """A photograph, and what had to be done or assumed to read it.

    Attributes:
        pixels (np.ndarray): BGR, uint8 (H, W, 3).
        notes (List[str]): a line each, for whoever uses the result; mostly empty.
    """

    pixels: np.ndarray
    notes: list[str]


def find_images(
    folder: str | Path, recursive: bool = False, refuse: Callable = refuse_folder
) -> list[Path]:
    """List the photographs of a folder by the ends of their names.

    Hidden files and folders are left out, and with them the ``._*`` that macOS writes
    beside each file on foreign disks. What cannot be read, as a link to nothing, is
    listed.

    Args:
        folder (str | Path): where to look.
        recursive (bool): in its sub-folders too.
        refuse (callable): see :func:`hacdr.files.walk_files`.

    Returns:
        List[Path]: sorted by folder and name; may be empty.

    Raises:
        InputError: by ``refuse``, a folder that cannot be read.
    """
    found = map(Path, walk_files(folder, refuse, recursive))
    return sorted(
        folder / path
        for path in found
        if path.suffix.lower() in PHOTOGRAPH_SUFFIXES and path.name[0] != '.'
    )


def open_photograph(path: str | Path) -> Photograph:
    """Read a photograph and tell what was done to it.

    Args:
        path (str | Path): its file; docs/images.md has the formats.

    Returns:
        Photograph: pixels, and notes on what was scaled or assumed.

    Raises:
        InputError: it is missing, cut off, damaged, too large, or of another kind.
    """
    return _open(path, 1)


def decode_with_notes(data: bytes, where: str | Path) -> Photograph:
    """As :func:`open_photograph`, from a file's content.

    Args:
        data (bytes): the content.
        where (str | Path): what to call it in messages.
    """
    return _decode(data, where, decode_header(io.BytesIO(data), where), 1)


def read_photograph(path: str | Path, divisor: int = 1) -> np.ndarray:
    """As :func:`open_photograph`, the pixels alone.

    Args:
        path (str | Path): its file.
        divisor (int): 1; or 2, 4 or 8 to decode a JPEG at that part of its size. Others
            have no quicker way to a smaller photograph.

    Returns:
        np.ndarray: BGR, uint8 (H, W, 3).

    Raises:
        InputError: as above.
        ValueError: another divisor, or it is no JPEG.
    """
    return _open(path, divisor).pixels


def decode_photograph(data: bytes, where: str | Path) -> np.ndarray:
    """As :func:`decode_with_notes`, the pixels alone."""
    return decode_with_notes(data, where).pixels


def _open(path, divisor):
    with open_image_file(path) as file:
        # What is too large is not even read.
        header = decode_header(file, path)
        file.seek(0)
        return _decode(file.read(), path, header, divisor)


def _decode(data, where, header, divisor):
    if _is_cut_off(data):
        raise damaged(where, 'photograph', 'cut off, no end-of-image marker')
    notes = []
    if header.format == 'JPEG' or (header.format == 'MPO' and divisor == 1):
        pixels = _decode_jpeg(data, where, divisor)
        notes += filter(None, [OPAQUE.get(header.mode)])
    elif divisor != 1:
        raise ValueError(f'{where}: {header.format} cannot be decoded at 1/{divisor}')
    else:
        with one_line_errors(where, 'photograph'):
            pixels = _decode_other(data, where, header, notes)
    # Decoders turn a TIFF themselves, unless its orientation is written as text.
    if header.format != 'TIFF' or isinstance(header.said_orientation, str):
        for turn in TURNS[header.orientation]:
            pixels = turn(pixels)
    if header.several:
        notes.append('the first of several images in its file')
    if header.orientation != 1:
        notes.append(f'turned as its Exif orientation {header.orientation} says')
    elif header.said_orientation not in (None, 0, 1):
        notes.append(
            f'unknown Exif orientation {header.said_orientation!r}: not turned'
        )
    return Photograph(np.ascontiguousarray(pixels), notes)


def _decode_jpeg(data, where, divisor):
    # Whether OpenCV turns what it reads depends on format and version.
    flags = DECODE_FLAGS[divisor] | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise damaged(where, 'photograph', 'damaged')
    return pixels


def _decode_other(data, where, header, notes):
    """Decode what is not JPEG, not turned yet, and add what is done to the notes."""
    if header.format == 'DICOM':
        values, bits = dicom.decode_pixels(data, where)
        values = values[..., ::-1]
    elif header.format == 'TIFF' and is_deep_tiff(data):
        check_deep_tiff(data)
        values, bits = _decode_deep(data, header), None
        if values.shape[2] == 4 and not has_straight_alpha(data):
            values = values[..., :3]
            notes.append('its fourth channel is left aside')
    elif header.format == 'PNG' and data[PNG_DEPTH] == 16:
        values, bits = _decode_deep(data, header), None
    elif header.format == 'JPEG2000' and _codestream_depth(data) > 8:
        values, bits = _decode_deep(data, header), _codestream_depth(data)
    elif header.format in SHALLOW_FORMATS:
        values, bits = _decode_shallow(data, header, notes), 8
    else:
        raise ValueError(f'{header.format} is read for maps and masks only')
    if values.shape[2] == 4:
        values = lay_over_black(values, notes)
    if values.shape[2] == 1:
        notes.append('grey')
    values = reduce_to_8_bits(values, bits, notes)
    return cv2.cvtColor(values, cv2.COLOR_GRAY2BGR) if values.shape[2] == 1 else values


def _decode_shallow(data, header, notes):
    """Decode up to 8 bits a channel; BGR or BGR and transparency."""
    image = open_image(io.BytesIO(data))
    image.load()
    kinds = {**OPAQUE, **TRANSPARENT}
    if image.mode not in kinds:
        raise ValueError(f'{header.format} with pixels of mode {image.mode}')
    notes += filter(None, [kinds[image.mode]])
    if image.mode in TRANSPARENT or 'transparency' in image.info:
        return cv2.cvtColor(to_array(image.convert('RGBA')), cv2.COLOR_RGBA2BGRA)
    return cv2.cvtColor(to_array(image.convert('RGB')), cv2.COLOR_RGB2BGR)


def _decode_deep(data, header):
    """Decode more than 8 bits a channel; Pillow gives these up in colour.

    Returns:
        np.ndarray: uint16 or float, (H, W, C) of grey, BGR or BGR and transparency.
    """
    if header.mode:
        # It notices more damage than OpenCV, and a grey that stands for clear.
        image = open_image(io.BytesIO(data))
        image.load()
        if 'transparency' in image.info and image.mode != 'RGB':
            raise ValueError('a grey of 16 bits that stands for transparent')
    with _silence_opencv():
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype == np.uint8:
        raise ValueError('damaged, or of a kind that is not read')
    return np.atleast_3d(values)


@contextmanager
def _silence_opencv():
    """Return a context in which it does not print where a damaged file stopped it."""
    # OpenCV 5 has moved it.
    logging = cv2 if hasattr(cv2, 'setLogLevel') else cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(0)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def _codestream_depth(data):
    """Return the bits of the first channel of a JPEG 2000."""
    begin = data.index(dicom.CODESTREAM)
    return (data[begin + CODESTREAM_DEPTH] & 0x7F) + 1


def _is_cut_off(data):
    """Tell whether a JPEG lacks its end.

    One whose download broke off and was filled up with zeros decodes without complaint.
    What counts is the first end-of-image marker after the start of the scan: before it
    a thumbnail has one, and behind it cameras append what they like.
    """
    if not data.startswith(START_OF_IMAGE):
        return False
    return data.find(END_OF_IMAGE, _find_scan(data)) < 0


def _find_scan(data):
    """Return where the first scan of a JPEG starts, past what its segments hold."""
    place = len(START_OF_IMAGE)
    while data[place : place + 1] == b'\xff' and place + 4 <= len(data):
        if data.startswith(START_OF_SCAN, place):
            return place
        # A marker may have several \xff before it.
        filled = data[place + 1] == 0xFF
        place += 1 if filled else 2 + int.from_bytes(data[place + 2 : place + 4], 'big')
    # Not by the book: decoders look for what they know.
    found = data.find(START_OF_SCAN, place)
    return len(data) if found < 0 else found
