"""Photographs and lesion masks as the data sets publish them, checked."""

import io

import numpy as np

from hacdr.conversion.merging import LESION
from hacdr.errors import InputError
from hacdr.images import decode_header, decode_image, decode_photograph
from hacdr.lesions import IGNORED

MASK_MODES = ('1', 'L', 'P', 'LA', 'RGB', 'RGBA')
GREY_MODES = ('1', 'L', 'RGB')


def read_photograph(data, where, file_format='JPEG'):
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
    header = decode_header(io.BytesIO(data), where)
    if header.format != file_format:
        raise InputError(
            f'{where}: photograph is {header.format}, expected {file_format}'
        )
    if header.mode != 'RGB':
        raise InputError(
            f'{where}: photograph has mode {header.mode}, expected colour (RGB)'
        )
    # Viewers would turn the photograph but not its masks.
    if header.orientation != 1:
        raise InputError(
            f'{where}: photograph has the Exif orientation {header.orientation}, '
            'expected 1 or none: masks are for the pixels as they are stored'
        )
    return decode_photograph(data, where)


def read_mask(data, where, size):
    """Read a two-valued mask, whatever its encoding.

    Background is what is black, lesion is the one other colour. Palettes are
    looked up and transparency is left aside, so that IDRiD's palette TIFFs (red is
    grey 76) and its RGBA one (alpha 255 everywhere) mean what they show.

    Args:
        data (bytes): content of the mask's file.
        where (str): the file, for the message.
        size (Tuple[int, int]): width and height of the photograph.

    Returns:
        np.ndarray: uint8 (H, W), LESION or 0.

    Raises:
        InputError: not an image, compressed with loss, of another size than the
            photograph, or not black and one other colour.
    """
    image = _decode_mask(data, where, size, MASK_MODES)
    if image.mode == '1':
        # As an array it would be of another type than its values.
        image = image.convert('L')
    counted = image.getcolors(maxcolors=2)
    if counted is None:
        raise InputError(
            f'{where}: mask has more than two values, expected black and one other'
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


def read_soft_mask(data, where, size):
    """Read a grey mask with soft edges: lesion from 128 on.

    Arguments, result and errors as :func:`read_mask`, but any grey is allowed.
    """
    image = _decode_mask(data, where, size, GREY_MODES)
    return (np.asarray(image.convert('L')) >= 128) * np.uint8(LESION)


def read_graded_mask(data, where, size):
    """Read a grey mask that knows three values: 0, 127 and 255.

    Arguments as :func:`read_mask`.

    Returns:
        np.ndarray: uint8 (H, W), LESION for 255, IGNORED for 127, otherwise 0.

    Raises:
        InputError: as :func:`read_mask`, and for any other value.
    """
    values = np.asarray(_decode_mask(data, where, size, GREY_MODES).convert('L'))
    other = {*np.unique(values).tolist()} - {0, 127, 255}
    if other:
        raise InputError(
            f'{where}: mask has the value {min(other)}, expected only 0, 127 and 255'
        )
    table = np.zeros(256, np.uint8)
    table[[127, 255]] = IGNORED, LESION
    return table[values]


def _decode_mask(data, where, size, modes):
    image = decode_image(io.BytesIO(data), where, 'mask')
    if image.format == 'JPEG':
        raise InputError(
            f'{where}: mask is JPEG, whose edges are blurred; expected TIFF or PNG'
        )
    if image.size != tuple(size):
        raise InputError(
            f'{where}: mask is {image.size[0]}x{image.size[1]}, expected '
            f"{size[0]}x{size[1]} as the photograph's"
        )
    if image.mode not in modes:
        raise InputError(
            f'{where}: mask has mode {image.mode}, expected one of '
            f'{", ".join(modes)} (at most 8 bits)'
        )
    return image


def _colour(image, value):
    """What a pixel value looks like, without transparency."""
    if image.mode == 'P':
        return image.getpalette('RGB')[3 * value : 3 * value + 3]
    channels = value if isinstance(value, tuple) else (value,)
    return channels[:-1] if image.mode in ('LA', 'RGBA') else channels
