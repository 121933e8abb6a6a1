"""Files of images, in forms that libraries do not write."""

import io
import struct
import zlib
from functools import partial

import cv2
import numpy as np
from PIL import Image

from hacdr.images.tiff import ORIENTATION

# Wide, and the same in no two directions; no pixel outside the eye is black.
PIXELS = np.full((32, 48, 3), 5, np.uint8)
PIXELS[4:28, 8:40] = 150, 70, 20
PIXELS[:8, :16] = 200, 40, 0
PIXELS[8:16, 40:] = 0, 220, 90


def save(pixels, file_format, **options):
    """Return the bytes of a file, by Pillow.

    Args:
        pixels (np.ndarray | PIL.Image.Image): RGB or whatever Pillow takes.
    """
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def save_deep(values, suffix):
    """Return the bytes of a file of RGB(A) or grey of more than 8 bits, by OpenCV."""
    if values.ndim == 3:
        values = values[..., [2, 1, 0, 3][: values.shape[2]]]
    return cv2.imencode(suffix, np.ascontiguousarray(values))[1].tobytes()


def save_png(rows, size, bits, kind, transparent=b''):
    """Return the bytes of a PNG.

    Args:
        rows (Sequence[bytes]): packed as the PNG has them.
        size (Tuple[int, int]): width and height.
        bits (int): of each channel.
        kind (int): of colour, as PNG numbers them: 0 grey, 4 grey and transparency.
        transparent (bytes): what a tRNS chunk holds.
    """

    def chunk(name, data):
        check = struct.pack('>I', zlib.crc32(name + data))
        return struct.pack('>I', len(data)) + name + data + check

    return b''.join(
        (
            b'\x89PNG\r\n\x1a\n',
            chunk(b'IHDR', struct.pack('>IIBBBBB', *size, bits, kind, 0, 0, 0)),
            chunk(b'tRNS', transparent) if transparent else b'',
            chunk(b'IDAT', zlib.compress(b''.join(b'\0' + row for row in rows))),
            chunk(b'IEND', b''),
        )
    )


def save_tiff(values, tags=(), text_tags=()):
    """Return the bytes of an uncompressed TIFF of one strip.

    Args:
        values (np.ndarray): (H, W) or (H, W, C), written as they are.
        tags (dict[int, int | list[int]]): in place of those that fit; 16-bit numbers.
        text_tags (dict[int, str]): written as text.
    """
    values = np.asarray(values)
    channels = 1 if values.ndim == 2 else values.shape[2]
    data = values.astype(values.dtype.newbyteorder('<')).tobytes()
    kind = {'u': 1, 'i': 2, 'f': 3}[values.dtype.kind]
    entries = {
        0x0100: values.shape[1],
        0x0101: values.shape[0],
        0x0102: [8 * values.itemsize] * channels,
        0x0103: 1,
        0x0106: 1 if channels < 3 else 2,
        0x0111: 0,
        0x0115: channels,
        0x0116: values.shape[0],
        0x0117: 0,
        0x0153: [kind] * channels,
        **({0x0152: [2]} if channels in (2, 4) else {}),
        **dict(tags),
    }
    entries.update(dict(text_tags))
    after = 8 + 2 + 12 * len(entries) + 4
    tail = bytearray()
    directory = bytearray(struct.pack('<H', len(entries)))
    for tag, value in sorted(entries.items()):
        if isinstance(value, str):
            packed, number, kind = value.encode() + b'\0', len(value) + 1, 2
        elif tag in (0x0111, 0x0117):
            packed, number, kind = struct.pack('<I', 0), 1, 4
        else:
            value = value if isinstance(value, list) else [value]
            packed, number, kind = struct.pack(f'<{len(value)}H', *value), len(value), 3
        place = len(directory) + 8 + 8
        directory += struct.pack('<HHI', tag, kind, number)
        if tag == 0x0111:
            strip_at = place
        elif tag == 0x0117:
            packed = struct.pack('<I', len(data))
        if len(packed) > 4:
            packed, tail = struct.pack('<I', after + len(tail)), tail + packed
        directory += packed.ljust(4, b'\0')
    content = bytearray(b'II*\0' + struct.pack('<I', 8)) + directory
    content += struct.pack('<I', 0) + tail
    content[strip_at : strip_at + 4] = struct.pack('<I', len(content))
    return bytes(content + data)


def orientation_tags(orientation):
    """Return Exif with an orientation."""
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def with_alpha(pixels, alpha):
    """Append a channel of transparency, a number or an array."""
    channel = np.broadcast_to(alpha, pixels.shape[:2]).astype(pixels.dtype)
    return np.dstack([pixels, channel])


def widen(pixels, factor=257):
    """Return pixels in 16 bits."""
    return pixels.astype(np.uint16) * factor


def save_palette(pixels, file_format):
    """Return the bytes of a file with a palette; pixels of few colours."""
    return save(Image.fromarray(pixels).quantize(8), file_format)


def save_turned(pixels, file_format, orientation, **options):
    """Return the bytes of a file that shows the pixels once it is turned."""
    undo = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: np.rot90(a, -1),
    }[orientation]
    stored = np.ascontiguousarray(undo(pixels))
    return save(stored, file_format, exif=orientation_tags(orientation), **options)


# Each makes a file of RGB pixels, uint8 (H, W, 3), that loses nothing.
LOSSLESS = {
    'png': lambda p: save(p, 'PNG'),
    'png of 16 bits': lambda p: save_deep(widen(p), '.png'),
    'png of 8 bits in 16': lambda p: save_deep(widen(p, 1), '.png'),
    'png of 10 bits in 16': lambda p: save_deep(widen(p, 4), '.png'),
    'png of 12 bits in 16': lambda p: save_deep(widen(p, 16), '.png'),
    'png with alpha': lambda p: save(with_alpha(p, 255), 'PNG'),
    'png of 16 bits with alpha': lambda p: save_deep(
        with_alpha(widen(p), 65535), '.png'
    ),
    'png, clear everywhere': lambda p: save(with_alpha(p, 0), 'PNG'),
    'png, half clear everywhere': lambda p: save(with_alpha(p, 128), 'PNG'),
    'tiff': lambda p: save(p, 'TIFF'),
    'tiff, lzw': lambda p: save(p, 'TIFF', compression='tiff_lzw'),
    'tiff, deflate': lambda p: save(p, 'TIFF', compression='tiff_adobe_deflate'),
    'tiff with alpha': lambda p: save(with_alpha(p, 255), 'TIFF'),
    'tiff of 16 bits': lambda p: save_deep(widen(p), '.tif'),
    'tiff of 12 bits in 16': lambda p: save_tiff(widen(p, 16)),
    'tiff of 16 bits with alpha': lambda p: save_tiff(with_alpha(widen(p), 65535)),
    'tiff of 16 bits, 4th unknown': lambda p: save_tiff(
        with_alpha(widen(p), 0), {0x0152: [0]}
    ),
    'tiff of floats': lambda p: save_tiff((p / 255).astype(np.float32)),
    'tiff of floats to 255': lambda p: save_tiff(p.astype(np.float32)),
    'tiff of doubles': lambda p: save_tiff(p / 255),
    'bmp': lambda p: save(p, 'BMP'),
    'webp': lambda p: save(p, 'WEBP', lossless=True),
    'webp with alpha': lambda p: save(with_alpha(p, 255), 'WEBP', lossless=True),
    'jp2': lambda p: save(p, 'JPEG2000'),
    'jp2 with alpha': lambda p: save(with_alpha(p, 255), 'JPEG2000'),
    'j2k': lambda p: save(p, 'JPEG2000', no_jp2=True),
    **{
        f'{form}, orientation {orientation}': partial(
            save_turned,
            file_format=form.upper(),
            orientation=orientation,
            **({'lossless': True} if form == 'webp' else {}),
        )
        for form in ('png', 'tiff', 'webp')
        for orientation in range(2, 9)
    },
}
FEW_COLOURS = {
    f'{form} with a palette': partial(save_palette, file_format=form.upper())
    for form in ('png', 'tiff', 'bmp')
}
LOSSY = {
    'jpeg': lambda p: save(p, 'JPEG', quality=95, subsampling=0),
    'jpeg, orientation 6': lambda p: save_turned(
        p, 'JPEG', 6, quality=95, subsampling=0
    ),
    'progressive jpeg': lambda p: save(
        p, 'JPEG', quality=95, subsampling=0, progressive=True
    ),
    'jpeg of CMYK': lambda p: save(
        Image.fromarray(p).convert('CMYK'), 'JPEG', quality=95
    ),
    'mpo': lambda p: save(
        p,
        'MPO',
        quality=95,
        subsampling=0,
        save_all=True,
        append_images=[Image.new('RGB', (9, 9))],
    ),
    'lossy webp': lambda p: save(p, 'WEBP', quality=100),
    'lossy jp2': lambda p: save(
        p, 'JPEG2000', irreversible=True, quality_mode='dB', quality_layers=[45]
    ),
    'tiff of jpeg': lambda p: save(p, 'TIFF', compression='jpeg', quality=95),
    'tiff of YCbCr': lambda p: save(Image.fromarray(p).convert('YCbCr'), 'TIFF'),
    'tiff of CMYK': lambda p: save(Image.fromarray(p).convert('CMYK'), 'TIFF'),
}
