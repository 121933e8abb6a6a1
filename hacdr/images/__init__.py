"""The one place of this package that opens images: photographs, label maps, masks.

A photograph becomes BGR, uint8 (H, W, 3), as OpenCV and mmseg have it, whatever it
was saved as. A map (label map, bit map, plane of grey) becomes uint8 (H, W) with the
values that are stored, or is refused. Whatever is missing, cut off, damaged or
ambiguous is an InputError of one line that begins with the file's name.
"""

from hacdr.images.files import MAX_PIXELS, check_size
from hacdr.images.headers import Header, decode_header, read_header
from hacdr.images.maps import (
    check_values_are_kept,
    decode_image,
    encode_map,
    lossy_packing,
    read_map,
)
from hacdr.images.photographs import (
    DECODE_FLAGS,
    PHOTOGRAPH_SUFFIXES,
    Photograph,
    decode_photograph,
    decode_with_notes,
    find_images,
    open_photograph,
    read_photograph,
)

__all__ = [
    'DECODE_FLAGS',
    'MAX_PIXELS',
    'PHOTOGRAPH_SUFFIXES',
    'Header',
    'Photograph',
    'check_size',
    'check_values_are_kept',
    'decode_header',
    'decode_image',
    'decode_photograph',
    'decode_with_notes',
    'encode_map',
    'find_images',
    'lossy_packing',
    'open_photograph',
    'read_header',
    'read_map',
    'read_photograph',
]
