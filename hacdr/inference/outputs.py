"""The files that are written for each photograph."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from hacdr.files import part_of_name
from hacdr.images import encode_map
from hacdr.inference.overlay import draw_side_by_side
from hacdr.inference.prediction import Prediction
from hacdr.inference.viewer_layers import encode_thumbnail, encode_viewer_layers
from hacdr.lesions import mark_colours

JPEG_QUALITY = 88


class Result(NamedTuple):
    """What is written of a photograph.

    Attributes:
        prediction: what was predicted.
        name: of the photograph's file.
        experts: the experts' label map, uint8 (H, W), where there is one.
    """

    prediction: Prediction
    name: str
    experts: np.ndarray | None = None


def encode_overlay(result: Result) -> bytes:
    """Return a JPEG: outlines beside the photograph, or beside the experts'."""
    prediction = result.prediction
    if result.experts is None:
        panels = {'photograph': None}
    else:
        panels = {'experts': result.experts}
    panels['prediction'] = prediction.label
    colours = mark_colours(prediction.classes, prediction.palette)
    overlay = draw_side_by_side(
        prediction.photograph, panels, prediction.classes, colours, result.name
    )
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode('.jpg', overlay, options)[1].tobytes()


def encode_label(result: Result) -> bytes:
    """Return the label map as PNG, 8-bit with palette."""
    return encode_map(result.prediction.label, result.prediction.palette)


def encode_plane(result: Result, lesion: str) -> bytes:
    """Return 255 times the probability of a lesion as a grey PNG of full size.

    Args:
        result (Result): of a photograph.
        lesion (str): one of its classes.

    Returns:
        bytes: the file.
    """
    prediction = result.prediction
    plane = prediction.probabilities[prediction.classes.index(lesion) - 1]
    grey = np.round(plane * np.float32(255)).astype(np.uint8)
    return encode_map(grey)


# A file, as a path in the output folder: what it holds, from a Result.
OUTPUTS = {
    '{output}_overlay.jpg': encode_overlay,
    'viewer/{output}.js': lambda result: encode_viewer_layers(result.prediction),
    'viewer/{output}.jpg': lambda result: encode_thumbnail(result.prediction),
    '{output}.png': encode_label,
}


def plane_of(lesion: str) -> str:
    """Return the file of a lesion's probabilities, in the form of :data:`OUTPUTS`.

    Args:
        lesion (str): of the classes.

    Raises:
        InputError: it cannot be part of the name of a file.
    """
    name = part_of_name(lesion).replace('{', '{{').replace('}', '}}')
    return f'{{output}}_{name}.png'
