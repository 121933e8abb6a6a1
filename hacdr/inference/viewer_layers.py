"""What the viewer of a page loads of one photograph: itself and its probabilities.

A page that is opened from a disk may load data of a file beside it only as a script. So
the layers of a photograph are a script: one call of a function of the page with one
object, images in it as data URIs.
"""

from __future__ import annotations

import base64
import json

import cv2
import numpy as np

from hacdr.inference.prediction import Prediction
from hacdr.lesions import mark_colours
from hacdr.preprocess.resize import fit_size, reduce_photograph

# Pixels of the longer side.
VIEWER_SIDE = 1440
THUMBNAIL_SIDE = 400
JPEG_QUALITY = 80
# Probabilities are rounded to so many 255ths; finer steps would be noise that does not
# pack.
STEP = 3


def encode_viewer_layers(prediction: Prediction) -> bytes:
    """Return the script that gives the viewer the layers of a photograph.

    They are 1440 pixels long at most, reduced by averaging over areas.

    Args:
        prediction (Prediction): its ``photograph`` and ``probabilities`` are used; of a
            network that gives classes alone the label map, as 0 and 1.

    Returns:
        bytes: ASCII, to be loaded by :file:`page/gallery.js`. It holds no text of the
        photograph's file.
    """
    height, width = prediction.photograph.shape[:2]
    size = fit_size((width, height), VIEWER_SIDE)
    planes = prediction.probabilities
    if planes is None:
        values = range(1, len(prediction.classes))
        planes = (prediction.label == value for value in values)
    planes = [_reduce_plane(plane, size) for plane in planes]
    layers = {
        'width': size[0],
        'height': size[1],
        'photograph': photograph_uri(prediction.photograph, size),
        'planes': [png_uri(plane) for plane in planes],
    }
    return f'receiveLayers({json.dumps(layers)});\n'.encode()


def encode_thumbnail(prediction: Prediction) -> bytes:
    """Return a small JPEG of the photograph with its lesions marked.

    Args:
        prediction (Prediction): its ``photograph``, ``label``, ``classes`` and
            ``palette`` are used.

    Returns:
        bytes: the file, 400 pixels long at most.
    """
    photograph, label = _thin(prediction.photograph), _thin(prediction.label)
    height, width = label.shape
    size = fit_size((width, height), THUMBNAIL_SIDE)
    small = cv2.resize(photograph, size, interpolation=cv2.INTER_AREA)
    scale = np.array([size[0] / width, size[1] / height])
    colours = mark_colours(prediction.classes, prediction.palette)
    for value in range(1, len(prediction.classes)):
        outlines, _ = cv2.findContours(
            (label == value).astype(np.uint8),
            cv2.RETR_EXTERNAL,
            cv2.CHAIN_APPROX_SIMPLE,
        )
        colour = [int(c) for c in reversed(colours[value])]
        for outline in outlines:
            outline = np.int32(outline * scale)
            # A dot is drawn wider, so that small lesions are seen too.
            width = 1 if np.ptp(outline, axis=0).max() > 2 else 2
            cv2.polylines(small, [outline], True, colour, width)
    return _encode('jpeg', small, cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)


def photograph_uri(photograph: np.ndarray, size: tuple[int, int]) -> str:
    """Return a reduced photograph as a data URI.

    Args:
        photograph (np.ndarray): BGR, uint8, (H, W, 3).
        size (Tuple[int, int]): width and height of the copy.

    Returns:
        str: a JPEG.
    """
    photograph = reduce_photograph(photograph, size)
    return _uri('jpeg', photograph, cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY)


def png_uri(image: np.ndarray) -> str:
    """Return a grey image, uint8 (H, W), as a data URI: a PNG."""
    return _uri('png', image, cv2.IMWRITE_PNG_COMPRESSION, 6)


def _reduce_plane(plane, size):
    """Return 255 times the probability, uint8, of that width and height."""
    plane = _thin(plane).astype(np.float32)
    plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
    return (STEP * np.round(plane * np.float32(255 / STEP))).astype(np.uint8)


def _thin(values):
    """Leave out rows and columns while more are left than the viewer shows.

    It takes much of the time off what follows, and what networks find is wider.
    """
    step = max(1, max(values.shape[:2]) // VIEWER_SIDE)
    return values[::step, ::step]


def _uri(kind, image, *options):
    data = base64.b64encode(_encode(kind, image, *options)).decode()
    return f'data:image/{kind};base64,{data}'


def _encode(kind, image, *options):
    return cv2.imencode(f'.{kind}', image, options)[1].tobytes()
