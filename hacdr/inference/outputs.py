"""The files that are written for each photograph."""

from typing import NamedTuple, Optional, Sequence

import cv2
import numpy as np

from hacdr.images import encode_map
from hacdr.inference.overlay import draw_side_by_side

JPEG_QUALITY = 92


class Prediction(NamedTuple):
    """What is known of a photograph.

    Attributes:
        photograph: BGR, uint8, (H, W, 3).
        label: label map, uint8 (H, W).
        experts: the experts' label map (H, W), where there is one.
        classes: names of the label map's values.
        palette: RGB colour per class.
    """

    photograph: np.ndarray
    label: np.ndarray
    experts: Optional[np.ndarray]
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]


def encode_overlay(prediction):
    """Return a JPEG: outlines beside the photograph, or beside the experts'.

    Args:
        prediction (Prediction): of a photograph.

    Returns:
        bytes: the file.
    """
    if prediction.experts is None:
        panels = {'photograph': None}
    else:
        panels = {'experts': prediction.experts}
    panels['prediction'] = prediction.label
    overlay = draw_side_by_side(
        prediction.photograph, panels, prediction.classes, prediction.palette
    )
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    return cv2.imencode('.jpg', overlay, options)[1].tobytes()


def encode_label(prediction):
    """Return the label map as PNG, 8-bit with palette.

    Args:
        prediction (Prediction): of a photograph.

    Returns:
        bytes: the file.
    """
    return encode_map(prediction.label, prediction.palette)


# How the name of a file ends: what it holds, from a Prediction. The label map comes
# last: where it stands, the photograph is done.
OUTPUTS = {'_overlay.jpg': encode_overlay, '.png': encode_label}
