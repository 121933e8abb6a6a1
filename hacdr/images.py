"""The one place of this package that opens images: photographs, label maps, masks.

A photograph becomes BGR, uint8 (H, W, 3), as OpenCV and mmseg have it: turned as its
Exif orientation says, grey repeated in three channels, transparency left aside, of 16
bits the upper eight. A map (label map, bit map, grey plane) becomes uint8 (H, W) with
the values that are stored, of a palette the indices; what is not one channel of 8 bits
is refused. Whatever is missing, cut off or damaged is an InputError of one line that
begins with the file's name.
"""

import io
import warnings
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import List, NamedTuple, Tuple

import cv2
import numpy as np
from PIL import Image

from hacdr.errors import InputError

PHOTOGRAPH_SUFFIXES = ('.jpg', '.jpeg', '.png', '.tif', '.tiff', '.bmp')
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
# Tags of Exif and TIFF; Pillow has no name for the first before 9.4.
ORIENTATION, IMAGE_WIDTH, IMAGE_LENGTH = 0x0112, 0x0100, 0x0101
START_OF_IMAGE, START_OF_SCAN, END_OF_IMAGE = b'\xff\xd8', b'\xff\xda', b'\xff\xd9'
STRIP = 64


class Photograph(NamedTuple):
    """A photograph, and what had to be done or assumed to read it.

    Attributes:
        pixels (np.ndarray): BGR, uint8 (H, W, 3).
        notes (List[str]): a line each, for whoever uses the result; mostly empty.
    """

    pixels: np.ndarray
    notes: List[str]


class Header(NamedTuple):
    """What a photograph's file says about it.

    Attributes:
        format (str): 'JPEG', 'PNG', ..., as Pillow calls it.
        mode (str): Pillow's name of its channels, 'RGB' for colour.
        stored_size (Tuple[int, int]): width and height of the pixels as stored.
        orientation (int): Exif's, 1 where nothing is to be turned.
    """

    format: str
    mode: str
    stored_size: Tuple[int, int]
    orientation: int

    @property
    def size(self):
        """Tuple[int, int]: width and height once it is turned."""
        return self.stored_size[:: -1 if self.orientation >= 5 else 1]


def read_header(path):
    """Read what a photograph's file says about it, without decoding it.

    Args:
        path (str | Path): its file.

    Returns:
        Header: format, size, orientation.

    Raises:
        InputError: it is missing or no image.
    """
    with _opened(path) as file:
        return decode_header(file, path)


def decode_header(file, where):
    """As :func:`read_header`, from an open file.

    Args:
        file (BinaryIO): at its beginning.
        where (str | Path): what to call it in messages.
    """
    with _pillow(where, 'photograph'):
        image = Image.open(file)
        size = image.size
        if image.format == 'TIFF':
            # Pillow's size is the one once it is turned, depending on the version.
            size = image.tag_v2[IMAGE_WIDTH], image.tag_v2[IMAGE_LENGTH]
        return Header(image.format, image.mode, size, _orientation(image))


def find_images(folder, recursive=False):
    """List the photographs of a folder by the ends of their names.

    Hidden files and folders are left out, and with them the ``._*`` that macOS writes
    beside each file on foreign disks.

    Args:
        folder (str | Path): where to look.
        recursive (bool): in its sub-folders too.

    Returns:
        List[Path]: sorted by folder and name; may be empty.
    """
    folder = Path(folder)
    found = folder.rglob('*') if recursive else folder.iterdir()
    return sorted(
        path
        for path in found
        if path.suffix.lower() in PHOTOGRAPH_SUFFIXES
        and not any(part.startswith('.') for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def open_photograph(path):
    """Read a photograph and tell what was done to it.

    Args:
        path (str | Path): its file.

    Returns:
        Photograph: pixels, and notes on what was scaled or assumed.

    Raises:
        InputError: it is missing, cut off, damaged or too large.
    """
    return Photograph(read_photograph(path), [])


def read_photograph(path, divisor=1):
    """Read a photograph.

    Args:
        path (str | Path): its file.
        divisor (int): 1; or 2, 4 or 8 to decode a JPEG at that part of its size.

    Returns:
        np.ndarray: BGR, uint8 (H, W, 3).

    Raises:
        InputError: it is missing, cut off or damaged.
    """
    with _opened(path) as file:
        return decode_photograph(file.read(), path, divisor)


def decode_photograph(data, where, divisor=1):
    """As :func:`read_photograph`, from a file's content.

    Args:
        data (bytes): the content.
        where (str | Path): what to call it in messages.
        divisor (int): as above.
    """
    if _is_cut_off(data):
        raise _damaged(where, 'photograph', 'cut off, no end-of-image marker')
    header = decode_header(io.BytesIO(data), where)
    # Whether OpenCV turns a PNG depends on its version.
    flags = DECODE_FLAGS[divisor] | cv2.IMREAD_IGNORE_ORIENTATION
    photograph = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if photograph is None:
        raise _damaged(where, 'photograph', 'cut off or damaged')
    # A TIFF comes turned: OpenCV's decoder of it does not know the flag.
    if header.format != 'TIFF':
        for turn in TURNS[header.orientation]:
            photograph = turn(photograph)
    return photograph


def read_map(path):
    """Read a label map, a bit map or a plane of grey.

    Args:
        path (str | Path): its file, a PNG or the like.

    Returns:
        np.ndarray: uint8 (H, W), of a palette the indices.

    Raises:
        InputError: it is missing, damaged, or not one channel of 8 bits.
    """
    with _opened(path) as file:
        image = decode_image(file, path, 'map')
    if image.mode not in ('L', 'P'):
        raise InputError(
            f'{path}: has pixels of mode {image.mode}, expected one channel of 8 bits'
        )
    width, height = image.size
    values = np.empty((height, width), np.uint8)
    # Several times as fast as np.asarray: Pillow hands out an image in small pieces and
    # joins them to one of full size.
    for top in range(0, height, STRIP):
        strip = image.crop((0, top, width, min(height, top + STRIP)))
        values[top : top + STRIP] = np.asarray(strip)
    return values


def encode_map(values, palette=None):
    """Encode a map as PNG, one channel of 8 bits.

    Args:
        values (np.ndarray): uint8 (H, W).
        palette (Sequence[Sequence[int]], optional): RGB of the values from 0 on, others
            are black; grey where it is left out.

    Returns:
        bytes: the file's content.
    """
    image = Image.fromarray(values)
    if palette is not None:
        # With fewer than 256 colours Pillow may write fewer bits than the values need.
        colours = np.zeros((256, 3), np.uint8)
        colours[: len(palette)] = palette
        image.putpalette(colours.ravel().tolist())
    file = io.BytesIO()
    # Run-length matching packs flat areas as well as zlib's best level, at once.
    image.save(file, format='PNG', compress_level=1, compress_type=3)
    return file.getvalue()


def decode_image(file, where, kind):
    """Decode an image of any kind as it is stored, neither turned nor converted.

    Args:
        file (BinaryIO): at its beginning.
        where (str | Path): what to call it in messages.
        kind (str): what it should be, for the message: 'mask' or the like.

    Returns:
        PIL.Image.Image: decoded to the last pixel.

    Raises:
        InputError: cut off, damaged or no image.
    """
    with _pillow(where, kind):
        image = Image.open(file)
        image.load()
        return image


@contextmanager
def _pillow(where, kind):
    """Turn what Pillow says of a file into one line."""
    try:
        with warnings.catch_warnings():
            # What Pillow only warns of, it either survives or raises right after.
            warnings.simplefilter('ignore')
            yield
    except Exception as error:
        # On broken files its readers raise a dozen kinds of exceptions.
        raise _damaged(where, kind, error) from error


def _opened(path):
    try:
        return open(path, 'rb')
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from error


def _is_cut_off(data):
    """Tell whether a JPEG lacks its end.

    One whose download broke off and was filled up with zeros decodes without complaint.
    The thumbnail has an end-of-image marker too, hence the one after the scan.
    """
    return (
        data.startswith(START_OF_IMAGE)
        and not data.endswith(END_OF_IMAGE)
        and data.rfind(END_OF_IMAGE) < data.rfind(START_OF_SCAN)
    )


def _orientation(image):
    # Unreadable or undefined orientation counts as 1.
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
    except Exception:
        return 1
    return orientation if orientation in TURNS else 1


def _damaged(where, kind, reason):
    if isinstance(reason, Image.UnidentifiedImageError):
        reason = 'not an image'
    reason = (str(reason) or type(reason).__name__).splitlines()[0]
    return InputError(f'{where}: {kind} cannot be decoded ({reason})')
