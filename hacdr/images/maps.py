"""Label maps, bit maps, planes of grey and masks: what is stored, as it is stored."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO, Sequence

import numpy as np
from PIL import Image

from hacdr.errors import InputError
from hacdr.images.files import (
    check_size,
    one_line_errors,
    open_image,
    open_image_file,
    to_array,
)
from hacdr.images.headers import PNG_DEPTH, decode_header
from hacdr.images.tiff import check_map_tiff, read_tiff_tags

# Those that keep every value.
MAP_FORMATS = 'PNG', 'TIFF', 'BMP', 'GIF', 'PPM'
# As Pillow calls what a TIFF is compressed by.
LOSSY_IN_TIFF = {'jpeg': 'JPEG', 'tiff_jpeg': 'JPEG', 'webp': 'WebP'}
PNG_GREY = 0


def read_map(path: str | Path) -> np.ndarray:
    """Read a label map, a bit map or a plane of grey.

    Args:
        path (str | Path): its file, a PNG or the like.

    Returns:
        np.ndarray: uint8 (H, W), of a palette the indices, of one bit 0 and 1. Of 16
        bits, of grey stored as colour and of an opaque image nothing is lost, so these
        are read too.

    Raises:
        InputError: it is missing, damaged, of a format that may change values, to be
            turned, in colour, transparent, or has values above 255.
    """
    with open_image_file(path) as file:
        header = decode_header(file, path, 'map')
        if header.orientation != 1:
            raise InputError(
                f'{path}: map has the Exif orientation {header.orientation}, expected '
                'pixels stored as they are shown'
            )
        if header.several:
            raise InputError(f'{path}: holds several images, expected one map')
        with one_line_errors(path, 'map'):
            check_values_are_kept(file, header.format)
        file.seek(0)
        image = decode_image(file, path, 'map')
        if lossy_packing(image):
            raise InputError(
                f'{path}: map is {lossy_packing(image)}, which may change values; '
                'expected PNG'
            )
        return _single_channel(image, path)


def lossy_packing(image: Image.Image) -> str | None:
    """Name the way in which an image is stored, if values may change by it.

    Args:
        image (PIL.Image.Image): as :func:`decode_image` returns it.

    Returns:
        str | None: 'JPEG', 'TIFF of JPEG', ...; None where every value is kept.
    """
    if image.format not in MAP_FORMATS:
        return image.format
    packing = LOSSY_IN_TIFF.get(image.info.get('compression'))
    return packing and f'{image.format} of {packing}'


def check_values_are_kept(file: BinaryIO, file_format: str) -> None:
    """Refuse what Pillow reads with other values: it stretches few bits of grey.

    Args:
        file (BinaryIO): the file.
        file_format (str): as Pillow calls it.

    Raises:
        ValueError: values would change.
    """
    if file_format == 'TIFF':
        check_map_tiff(read_tiff_tags(file))
    if file_format == 'PNG':
        file.seek(PNG_DEPTH)
        bits, kind = file.read(2)
        if kind == PNG_GREY and 1 < bits < 8:
            raise ValueError(f'grey of {bits} bits, expected 8')


def _single_channel(image, path):
    if image.mode in ('L', 'P'):
        return to_array(image)
    if image.mode == '1':
        return (to_array(image.convert('L')) > 0).astype(np.uint8)
    if image.mode in ('LA', 'PA', 'RGB', 'RGBA'):
        channels = to_array(image)
        if image.mode.endswith('A'):
            if channels[..., -1].min() < 255:
                raise InputError(f'{path}: map is transparent in places')
            channels = channels[..., :-1]
        values = channels[..., 0]
        if (channels != values[..., None]).any():
            raise InputError(
                f'{path}: map is in colour (mode {image.mode}), expected one channel '
                'whose values are the labels'
            )
        return np.ascontiguousarray(values)
    # 16 bits, with names that depend on Pillow's version and the file's byte order.
    if image.mode.startswith('I'):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 255:
            raise InputError(
                f'{path}: map has values from {values.min()} to {values.max()}, '
                'expected 0 to 255'
            )
        return values.astype(np.uint8)
    raise InputError(
        f'{path}: map has pixels of mode {image.mode}, expected one channel of 8 bits'
    )


def encode_map(
    values: np.ndarray, palette: Sequence[Sequence[int]] | None = None
) -> bytes:
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


def decode_image(file: BinaryIO, where: str | Path, kind: str) -> Image.Image:
    """Decode an image of any kind as it is stored, neither turned nor converted.

    Args:
        file (BinaryIO): at its beginning.
        where (str | Path): what to call it in messages.
        kind (str): what it should be, for the message: 'mask' or the like.

    Returns:
        PIL.Image.Image: decoded to the last pixel.

    Raises:
        InputError: cut off, damaged, too large or no image.
    """
    with one_line_errors(where, kind):
        image = open_image(file)
        check_size(image.size, where)
        image.load()
        return image
