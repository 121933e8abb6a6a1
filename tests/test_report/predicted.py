"""Folders of predictions as ``hacdr predict`` leaves them, for the gallery."""

import os
from pathlib import Path

import cv2
import numpy as np

from hacdr.inference.prediction import Prediction
from hacdr.inference.viewer_layers import encode_thumbnail, encode_viewer_layers
from hacdr.lesions import CLASSES, LESIONS, PALETTE
from hacdr.report.gallery import write_gallery

HOSTILE = '<img src=x onerror="window.pwned=1">&\'#?%20 \u202eé.jpg'
# No text in any encoding.
UNDECODABLE = os.fsdecode(b'eye_\xff.jpg')
HEAD = {
    'classes': list(CLASSES),
    'colours': PALETTE,
    'made_by': {'hacdr': '0.1.0', 'weights': 'a1f6' * 16, 'flips': False},
    'thresholds': {'EX': 0.5, 'HE': 0.3, 'SE': 0.5, 'MA': 0.25},
}
# Image -> the side of one square of EX, that of each of two squares of HE, warnings.
IMAGES = {
    'eye_2.jpg': (10, 20, []),
    'eye_10.jpg': (30, 4, ['blurred', 'cut off at the lower border']),
    f'below/{HOSTILE}': (0, 0, ['<script>window.pwned=1</script>']),
    UNDECODABLE: (20, 0, []),
}


def predict(exudate, haemorrhage):
    """Return the prediction of a photograph of 160x120 pixels."""
    photograph = np.full((120, 160, 3), (30, 60, 140), np.uint8)
    label = np.zeros((120, 160), np.uint8)
    label[10 : 10 + exudate, 20 : 20 + exudate] = 1
    for left in (60, 110):
        label[60 : 60 + haemorrhage, left : left + haemorrhage] = 2
    values = np.arange(1, len(CLASSES))[:, None, None]
    probabilities = np.where(label == values, 0.8, 0.1).astype(np.float16)
    return Prediction(photograph, label, probabilities, CLASSES, PALETTE)


def record(image, prediction, warnings=()):
    """Return the record of an image, as far as the gallery reads it."""
    lesions = {}
    for value, lesion in enumerate(LESIONS, 1):
        mask = (prediction.label == value).astype(np.uint8)
        number = cv2.connectedComponents(mask, connectivity=8)[0] - 1
        lesions[lesion] = {'number': number, 'area': int(mask.sum())}
    return {
        'image': image,
        'output': os.path.splitext(image)[0],
        'width': 160,
        'height': 120,
        'fov_area': 10000,
        'lesions': lesions,
        'notes': ['Exif orientation 6 was applied'] if image == 'eye_2.jpg' else [],
        'warnings': list(warnings),
    }


def write_predictions(folder, images=IMAGES, head=HEAD):
    """Write a gallery with its files; return the page."""
    records = []
    for image, (exudate, haemorrhage, warnings) in images.items():
        prediction = predict(exudate, haemorrhage)
        records.append(record(image, prediction, warnings))
        stem = Path(folder, 'viewer', records[-1]['output'])
        stem.parent.mkdir(parents=True, exist_ok=True)
        for suffix, encode in (
            ('.js', encode_viewer_layers),
            ('.jpg', encode_thumbnail),
        ):
            # The name may have points in it.
            Path(f'{stem}{suffix}').write_bytes(encode(prediction))
    return write_gallery(folder, head, iter(records))
