"""Photographs and lesion masks as the data sets publish them, checked."""

import io
import warnings

import numpy as np
from PIL import Image

from hacdr.datasets.conversion.merging import LESION
from hacdr.errors import InputError
from hacdr.lesions import IGNORED

MASK_MODES = ('1', 'L', 'P', 'LA', 'RGB', 'RGBA')
GREY_MODES = ('1', 'L', 'RGB')
END_OF_IMAGE, START_OF_SCAN = b'\xff\xd9', b'\xff\xda'
# Tag of Exif; Pillow has no name for it before 9.4.
ORIENTATION = 0x0112


def read_photograph(data, where, file_format='JPEG'):
    """Decode a photograph to the last pixel, to be sure that it is whole.

    Args:
        data (bytes): content of the file.
        where (str): the file, for the message.
        file_format (str): what it must be, 'JPEG' or 'PNG'.

    Returns:
        PIL.Image.Image: RGB.

    Raises:
        InputError: of another format, cut off, not in colour, or to be turned or
            mirrored according to its Exif orientation.
    """
    image = _decode(data, where, 'photograph')
    if image.format != file_format:
        raise InputError(
            f'{where}: photograph is {image.format}, expected {file_format}'
        )
    # A download that was cut off and padded with zeros decodes without complaint.
    # The thumbnail has an end-of-image marker too, hence the one after the scan.
    if file_format == 'JPEG' and data.rfind(END_OF_IMAGE) < data.rfind(START_OF_SCAN):
        raise InputError(f'{where}: photograph is cut off (no end-of-image marker)')
    if image.mode != 'RGB':
        raise InputError(
            f'{where}: photograph has mode {image.mode}, expected colour (RGB)'
        )
    # Some readers would turn it and some not, and nobody the masks.
    orientation = _orientation(image)
    # 0 is not defined, and nobody turns by it.
    if orientation not in (0, 1):
        raise InputError(
            f'{where}: photograph has the Exif orientation {orientation}, expected 1 '
            'or none: masks are for the pixels as they are stored'
        )
    return image


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
    image = _decode(data, where, 'mask')
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


def _decode(data, where, kind):
    try:
        with warnings.catch_warnings():
            # What Pillow only warns of, it either survives or raises right after.
            warnings.simplefilter('ignore')
            image = Image.open(io.BytesIO(data))
            image.load()
    except Exception as error:
        # On broken files Pillow's readers raise a dozen kinds of exceptions.
        raise InputError(
            f'{where}: {kind} cannot be decoded ({_first_line(error)})'
        ) from error
    return image


def _orientation(image):
    try:
        return image.getexif().get(ORIENTATION, 1)
    except Exception:
        # Exif data that cannot be read turn a photograph nowhere.
        return 1


def _first_line(error):
    if isinstance(error, Image.UnidentifiedImageError):
        return 'not an image'
    return (str(error) or type(error).__name__).splitlines()[0]


def _colour(image, value):
    """What a pixel value looks like, without transparency."""
    if image.mode == 'P':
        return image.getpalette('RGB')[3 * value : 3 * value + 3]
    channels = value if isinstance(value, tuple) else (value,)
    return channels[:-1] if image.mode in ('LA', 'RGBA') else channels
