"""Photographs and lesion masks as the data sets publish them, checked."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Callable, Sequence

import cv2
import numpy as np
from PIL import Image

from hacdr.conversion.merging import LESION
from hacdr.errors import InputError
from hacdr.images import (
    Photograph,
    check_values_are_kept,
    decode_header,
    decode_image,
    decode_photograph,
    decode_with_notes,
    lossy_packing,
)
from hacdr.images.files import one_line_errors
from hacdr.lesions import IGNORED

if TYPE_CHECKING:
    from hacdr.conversion.plan import Record

MASK_MODES = ('1', 'L', 'P', 'LA', 'RGB', 'RGBA')
GREY_MODES = ('1', 'L', 'RGB')
MASK_SUFFIXES = '.png', '.tif', '.tiff', '.bmp', '.gif', '.jpg', '.jpeg'


def decode_strictly(data: bytes, where: str, file_format: str = 'JPEG') -> np.ndarray:
    """Decode a photograph to the last pixel, to be sure that it is whole.

    Args:
        data (bytes): content of the file.
        where (str): the file, for the message.
        file_format (str): what it must be, 'JPEG' or 'PNG'.

    Returns:
        np.ndarray: BGR, uint8 (H, W, 3).

    Raises:
        InputError: of another format, cut off, not in colour, or to be turned or
            mirrored according to its Exif orientation.
    """
    header = _read_upright_header(data, where)
    if header.format != file_format:
        raise InputError(
            f'{where}: photograph is {header.format}, expected {file_format}'
        )
    if header.mode != 'RGB':
        raise InputError(
            f'{where}: photograph has mode {header.mode}, expected colour (RGB)'
        )
    return decode_photograph(data, where)


def take_photograph(
    data: bytes, where: str, file_format: str, any_photograph: bool = False
) -> tuple[Photograph, bool]:
    """Decode a photograph for a set whose photographs are all of one kind.

    Args:
        data (bytes): content of the file.
        where (str): the file, for the message.
        file_format (str): the kind, 'JPEG' or 'PNG'.
        any_photograph (bool): whether one of another format, of other channels or more
            bits is made to be of this kind.

    Returns:
        Tuple[Photograph, bool]: pixels and notes, see ``hacdr.images``; and whether its
        file is of this kind and can stay.

    Raises:
        InputError: as :func:`decode_strictly`.
    """
    if not any_photograph:
        return Photograph(decode_strictly(data, where, file_format), []), True
    header = _read_upright_header(data, where)
    photograph = decode_with_notes(data, where)
    as_it_is = header[:2] == (file_format, 'RGB') and not photograph.notes
    return photograph, as_it_is or file_format != 'PNG'


def _read_upright_header(data, where):
    """Read a header; a photograph that viewers turn, but not its masks, is refused."""
    header = decode_header(io.BytesIO(data), where)
    if header.orientation != 1:
        raise InputError(
            f'{where}: photograph has the Exif orientation {header.orientation}, '
            'expected 1 or none: masks are for the pixels as they are stored'
        )
    return header


def encode_photograph(photograph: np.ndarray, file_format: str) -> bytes:
    """Encode a photograph that was changed.

    Args:
        photograph (np.ndarray): BGR, uint8 (H, W, 3).
        file_format (str): 'JPEG' (at quality 95) or 'PNG'.

    Returns:
        bytes: the file's content.
    """
    file = io.BytesIO()
    rgb = cv2.cvtColor(photograph, cv2.COLOR_BGR2RGB)
    Image.fromarray(rgb).save(file, format=file_format, quality=95)
    return file.getvalue()


def read_mask(
    data: bytes, where: str, size: tuple[int, int], advice: str = ''
) -> np.ndarray:
    """Read a two-valued mask, whatever its encoding.

    Background is what is black, lesion is the one other colour. Palettes are
    looked up and transparency is left aside, so that IDRiD's palette TIFFs (red is
    grey 76) and its RGBA one (alpha 255 everywhere) mean what they show.

    Args:
        data (bytes): content of the mask's file.
        where (str): the file, for the message.
        size (Tuple[int, int]): width and height of the photograph.
        advice (str): what the message says at its end where there are more values.

    Returns:
        np.ndarray: uint8 (H, W), LESION or 0.

    Raises:
        InputError: not an image, compressed with loss, of another size than the
            photograph, or not black and one other colour.
    """
    image = decode_mask(data, where, size, MASK_MODES)
    if image.mode == '1':
        # As an array it would be of another type than its values.
        image = image.convert('L')
    counted = image.getcolors(maxcolors=2)
    if counted is None:
        raise InputError(
            f'{where}: mask has more than two values, expected black and one '
            f'other{advice}'
        )
    lesion = [value for _, value in counted if any(_colour(image, value))]
    if len(counted) - len(lesion) != 1:
        raise InputError(
            f'{where}: mask has the values {[value for _, value in counted]}, '
            'expected black for the background and at most one other'
        )
    if not lesion:
        return np.zeros((size[1], size[0]), np.uint8)
    drawn = (np.asarray(image) == lesion[0]).reshape(size[1], size[0], -1).all(-1)
    return drawn * np.uint8(LESION)


def read_soft_mask(data: bytes, where: str, size: tuple[int, int]) -> np.ndarray:
    """Read a grey mask with soft edges: lesion from 128 on.

    Arguments, result and errors as :func:`read_mask`, but any grey is allowed.
    """
    image = decode_mask(data, where, size, GREY_MODES)
    return (np.asarray(image.convert('L')) >= 128) * np.uint8(LESION)


def read_graded_mask(data: bytes, where: str, size: tuple[int, int]) -> np.ndarray:
    """Read a grey mask that knows three values: 0, 127 and 255.

    Arguments as :func:`read_mask`.

    Returns:
        np.ndarray: uint8 (H, W), LESION for 255, IGNORED for 127, otherwise 0.

    Raises:
        InputError: as :func:`read_mask`, and for any other value.
    """
    values = np.asarray(decode_mask(data, where, size, GREY_MODES).convert('L'))
    other = {*np.unique(values).tolist()} - {0, 127, 255}
    if other:
        raise InputError(
            f'{where}: mask has the value {min(other)}, expected only 0, 127 and 255'
        )
    table = np.zeros(256, np.uint8)
    table[[127, 255]] = IGNORED, LESION
    return table[values]


def read_separate_masks(
    files: dict[str, tuple[bytes | None, str]],
    record: Record,
    size: tuple[int, int],
    read: Callable = read_mask,
) -> dict[str, np.ndarray]:
    """Read the masks of a photograph that has a file for each.

    Args:
        files (Dict[str, Tuple[bytes | None, str]]): file of a mask -> its content (None
            for those in ``Plan.digests``), and what to call it in messages.
        record (Record): the photograph.
        size (Tuple[int, int]): its width and height.
        read (callable): one of the three above.

    Returns:
        Dict[str, np.ndarray]: lesion -> uint8 (H, W), LESION, IGNORED or 0.
    """
    return {lesion: read(*files[file], size) for lesion, file in record.masks.items()}


def decode_mask(
    data: bytes,
    where: str,
    size: tuple[int, int],
    modes: Sequence[str] = MASK_MODES,
    what: str = 'mask',
) -> Image.Image:
    """Decode a mask or label map, not yet looking at its values.

    Args:
        data (bytes): content of the file.
        where (str): the file, for the message.
        size (Tuple[int, int]): width and height of the photograph.
        modes (Sequence[str]): Pillow's names of the channels that are allowed.
        what (str): what it is, for the message.

    Returns:
        PIL.Image.Image: decoded.

    Raises:
        InputError: not an image, compressed with loss, of another size than the
            photograph, or of other channels.
    """
    image = decode_image(io.BytesIO(data), where, what)
    header = decode_header(io.BytesIO(data), where, what)
    if header.orientation != 1 or header.several:
        problem = 'several images' if header.several else 'an Exif orientation'
        raise InputError(
            f'{where}: {what} has {problem}, expected one image as it is shown'
        )
    packing = lossy_packing(image)
    if packing:
        raise InputError(
            f'{where}: {what} is {packing}, whose edges are blurred; expected TIFF or '
            'PNG'
        )
    if image.size != tuple(size):
        raise InputError(
            f'{where}: {what} is {image.size[0]}x{image.size[1]}, expected '
            f"{size[0]}x{size[1]} as the photograph's"
        )
    if image.mode not in modes:
        raise InputError(
            f'{where}: {what} has mode {image.mode}, expected one of '
            f'{", ".join(modes)} (at most 8 bits)'
        )
    return image


def check_stored_values(data: bytes, where: str) -> None:
    """Refuse a label map whose values are not those that :func:`decode_mask` returns.

    Args:
        data (bytes): content of the file.
        where (str): the file, for the message.

    Raises:
        InputError: grey of 2 or 4 bits, which is stretched, or white as zero, which is
            inverted: right for what is shown, wrong for values.
    """
    file = io.BytesIO(data)
    file_format = decode_header(file, where, 'label map').format
    with one_line_errors(where, 'label map'):
        check_values_are_kept(file, file_format)


def _colour(image, value):
    """What a pixel value looks like, without transparency."""
    if image.mode == 'P':
        return image.getpalette('RGB')[3 * value : 3 * value + 3]
    channels = value if isinstance(value, tuple) else (value,)
    return channels[:-1] if image.mode in ('LA', 'RGBA') else channels
