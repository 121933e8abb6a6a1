"""What the file of a photograph says about it, read without decoding it."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

from hacdr.images import dicom, tiff
from hacdr.images.files import (
    check_size,
    one_line_errors,
    open_image,
    open_image_file,
)

# Where a PNG says how many bits a channel has; its kind of colour follows.
PNG_DEPTH = 24


class Header(NamedTuple):
    """What a photograph's file says about it.

    Attributes:
        format (str): 'JPEG', 'PNG', ..., as Pillow calls it, or 'DICOM'.
        mode (str): Pillow's name of its channels, 'RGB' for colour; '' where it has no
            name for them.
        stored_size (Tuple[int, int]): width and height of the pixels as stored.
        orientation (int): Exif's, 1 where nothing is to be turned.
        said_orientation (object): what the file says of it, None for nothing.
        several (bool): it holds more images than this, the first one.
    """

    format: str
    mode: str
    stored_size: tuple[int, int]
    orientation: int = 1
    said_orientation: object = None
    several: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """Tuple[int, int]: width and height once it is turned."""
        width, height = self.stored_size
        return (height, width) if self.orientation >= 5 else (width, height)


def read_header(path: str | Path) -> Header:
    """Read what a photograph's file says about it, without decoding it.

    Args:
        path (str | Path): its file.

    Returns:
        Header: format, size, orientation.

    Raises:
        InputError: it is missing, no image, or too large.
    """
    with open_image_file(path) as file:
        return decode_header(file, path)


def decode_header(
    file: BinaryIO, where: str | Path, kind: str = 'photograph'
) -> Header:
    """As :func:`read_header`, from an open file.

    Args:
        file (BinaryIO): at its beginning.
        where (str | Path): what to call it in messages.
        kind (str): what it should be, for the message.
    """
    start = file.read(dicom.MAGIC_END)
    file.seek(0)
    with one_line_errors(where, kind):
        if dicom.is_dicom(start):
            size, mode, several = dicom.decode_header(file, where)
            header = Header('DICOM', mode, size, several=several)
        elif start.startswith(tiff.STARTS):
            header = _decode_tiff_header(file)
        else:
            image = open_image(file)
            said = _said_orientation(image)
            header = Header(
                image.format,
                image.mode,
                image.size,
                _orientation(said),
                said,
                getattr(image, 'n_frames', 1) > 1,
            )
    check_size(header.stored_size, where)
    return header


def _decode_tiff_header(file):
    tags = tiff.read_tiff_tags(file)
    # Pillow's size is the one once it is turned, depending on the version.
    size = int(tags[tiff.IMAGE_WIDTH]), int(tags[tiff.IMAGE_LENGTH])
    said = tags.get(tiff.ORIENTATION)
    if not (said is None or isinstance(said, (int, str))):
        # Decoders do not agree on these.
        raise ValueError(f'orientation {said!r}, expected a number from 1 to 8')
    if tags.get(tiff.KIND_OF_IMAGE, 0) & tiff.REDUCED:
        raise ValueError('its first image is a thumbnail')
    several = tags.next != 0
    file.seek(0)
    try:
        mode = open_image(file).mode
    except Exception:
        mode = ''
    return Header('TIFF', mode, size, _orientation(said), said, several)


def _said_orientation(image):
    # Exif that cannot be read says nothing.
    try:
        return image.getexif().get(tiff.ORIENTATION)
    except Exception:
        return None


def _orientation(said):
    """Return 1 to 8; 1 where a file says nothing or anything else."""
    try:
        # Some programs write it as text.
        orientation = int(said.strip(' \0')) if isinstance(said, str) else int(said)
    except (TypeError, ValueError, OverflowError):
        return 1
    return orientation if 1 <= orientation <= 8 else 1
