"""Small images of probabilities, for whoever draws them later."""

from __future__ import annotations

import os
from typing import Sequence

import cv2
import numpy as np

from hacdr.files import part_of_name, write_bytes
from hacdr.lesions import LESIONS

LONGEST = 1024
# Finer steps would be noise that does not pack: 81 photographs stay below 25 MB.
STEP = 3


def write_probabilities(
    folder: str, name: str, probabilities: np.ndarray, lesions: Sequence[str] = LESIONS
) -> dict[str, str]:
    """Write one grey image for each lesion of a photograph.

    Values are 255 times the probability, rounded to multiples of 3; planes whose longer
    side has more than 1024 pixels are reduced to that by averaging over areas.

    Args:
        folder (str): where; made if it is missing.
        name (str): the photograph, without suffix.
        probabilities (np.ndarray): float32 (lesions + 1, H, W), background first.
        lesions (Sequence[str]): their names.

    Returns:
        dict[str, str]: lesion -> file name below the folder.
    """
    os.makedirs(folder, exist_ok=True)
    files = {}
    for lesion, plane in zip(lesions, probabilities[1:]):
        scale = min(1, LONGEST / max(plane.shape))
        if scale < 1:
            size = [max(1, round(side * scale)) for side in plane.shape[::-1]]
            plane = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        grey = (STEP * np.round(plane * (255 / STEP))).astype(np.uint8)
        files[lesion] = f'{name}_{part_of_name(lesion)}.png'
        path = os.path.join(folder, files[lesion])
        options = [cv2.IMWRITE_PNG_COMPRESSION, 9]
        write_bytes(path, cv2.imencode('.png', grey, options)[1].tobytes())
    return files
