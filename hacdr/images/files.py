"""Image files: opened, limited in size, and one line where something is wrong."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator

import numpy as np
from PIL import Image

from hacdr.errors import InputError, first_line
from hacdr.files import open_file

# Ultra-wide photographs have 16 million pixels, montages of them fewer than this.
MAX_PIXELS = 100_000_000
MAX_BYTES = 1 << 31
# 'JPEG' includes MPO. Pillow knows more, of which some start programs (EPS).
FORMATS = 'JPEG', 'PNG', 'TIFF', 'BMP', 'WEBP', 'JPEG2000', 'GIF', 'PPM'
STRIP = 64


@contextmanager
def open_image_file(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to read bytes; InputError where that fails or it is too large."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_BYTES:
            raise InputError(f'{path}: is {size} bytes, expected at most {MAX_BYTES}')
        yield file


def open_image(file: BinaryIO) -> Image.Image:
    """Open an image with Pillow, in the formats that are read here.

    Args:
        file (BinaryIO): at its beginning.

    Returns:
        PIL.Image.Image: not decoded yet.
    """
    return Image.open(file, formats=FORMATS)


def check_size(size: tuple[int, int], where: str | Path) -> None:
    """Refuse an image that is too large to be decoded.

    Args:
        size (Tuple[int, int]): width and height as its file says.
        where (str | Path): what to call it in the message.

    Raises:
        InputError: it has more than MAX_PIXELS, or none.
    """
    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(
            f'{where}: is {width}x{height} pixels, expected from 1 to '
            f'{MAX_PIXELS // 10**6} million'
        )


def to_array(image: Image.Image) -> np.ndarray:
    """Return the pixels of a decoded image as an array of its own.

    Several times as fast as ``np.asarray``: Pillow hands out an image in small pieces
    and joins them to one of full size.

    Args:
        image (PIL.Image.Image): with channels of 8 bits.

    Returns:
        np.ndarray: uint8 (H, W) or (H, W, C).
    """
    width, height = image.size
    channels = len(image.getbands())
    shape = (height, width, channels) if channels > 1 else (height, width)
    values = np.empty(shape, np.uint8)
    for top in range(0, height, STRIP):
        strip = image.crop((0, top, width, min(height, top + STRIP)))
        values[top : top + STRIP] = np.asarray(strip)
    return values


@contextmanager
def one_line_errors(where: str | Path, kind: str) -> Iterator[None]:
    """Turn whatever a library says of a file into one line.

    Args:
        where (str | Path): what to call the file.
        kind (str): what it should be: 'photograph' or the like.

    Raises:
        InputError: instead of any other exception.
    """
    try:
        with warnings.catch_warnings():
            # What is only warned of, libraries either survive or raise right after.
            warnings.simplefilter('ignore')
            yield
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(
            f'{where}: has too many pixels, expected at most '
            f'{MAX_PIXELS // 10**6} million'
        ) from error
    except Exception as error:
        # On broken files they raise a dozen kinds of exceptions.
        raise damaged(where, kind, error) from error


def damaged(where: str | Path, kind: str, reason: Exception | str) -> InputError:
    """Return the error for an image that cannot be decoded."""
    if isinstance(reason, Image.UnidentifiedImageError):
        reason = 'not an image'
    return InputError(f'{where}: {kind} cannot be decoded ({first_line(reason)})')
