"""What the viewer loads of one photograph."""

import base64
import json

import cv2
import numpy as np
import pytest

from hacdr.inference.prediction import Prediction
from hacdr.inference.viewer_layers import (
    STEP,
    THUMBNAIL_SIDE,
    VIEWER_SIDE,
    encode_thumbnail,
    encode_viewer_layers,
)
from hacdr.lesions import CLASSES, PALETTE


def predicted(width=160, height=120):
    photograph = np.full((height, width, 3), (40, 80, 120), np.uint8)
    label = np.zeros((height, width), np.uint8)
    label[height // 4 : height // 2, width // 4 : width // 2] = 2
    probabilities = np.zeros((4, height, width), np.float32)
    probabilities[1] = np.where(label == 2, 0.8, 0.1)
    return Prediction(photograph, label, probabilities, CLASSES, PALETTE)


def read(script):
    """Return the layers with their images decoded."""
    assert script.startswith(b'receiveLayers({')
    assert script.endswith(b'});\n')
    layers = json.loads(script[len('receiveLayers(') : -len(');\n')])
    return {
        **layers,
        'photograph': decode(layers['photograph']),
        'planes': [decode(plane) for plane in layers['planes']],
    }


def decode(uri):
    data = np.frombuffer(base64.b64decode(uri.split(',')[1]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)


def test_layers_of_a_small_photograph_keep_its_size():
    prediction = predicted()
    layers = read(encode_viewer_layers(prediction))
    assert (layers['width'], layers['height']) == (160, 120)
    assert abs(layers['photograph'].astype(int) - prediction.photograph).max() <= 3
    assert len(layers['planes']) == 4
    expected = 255 * prediction.probabilities[1]
    assert abs(layers['planes'][1] - expected).max() <= STEP / 2
    assert not layers['planes'][0].any()


@pytest.mark.parametrize('shrunk', [False, True])
def test_layers_of_a_large_photograph_have_one_size(shrunk):
    prediction = predicted(2 * VIEWER_SIDE, 1200)
    if shrunk:
        # As the network gave them.
        reduced = prediction.probabilities[:, ::4, ::4]
        prediction = prediction._replace(probabilities=reduced)
    layers = read(encode_viewer_layers(prediction))
    shapes = {plane.shape for plane in layers['planes']}
    assert shapes == {(600, VIEWER_SIDE)} == {layers['photograph'].shape[:2]}
    assert (layers['width'], layers['height']) == (VIEWER_SIDE, 600)
    assert (layers['planes'][1] > 127).mean() == pytest.approx(1 / 16, rel=0.05)


def test_probabilities_of_every_type_are_the_same_layers():
    prediction = predicted()
    probabilities = prediction.probabilities.astype(np.float16)
    other = prediction._replace(probabilities=probabilities)
    assert encode_viewer_layers(other) == encode_viewer_layers(prediction)


def test_a_network_that_gives_classes_alone():
    prediction = predicted()._replace(probabilities=None)
    planes = read(encode_viewer_layers(prediction))['planes']
    np.testing.assert_array_equal(planes[1], 255 * (prediction.label == 2))
    assert [plane.any() for plane in planes] == [False, True, False, False]


def test_the_thumbnail_is_small_and_marked():
    prediction = predicted(1600, 1200)
    prediction.label[1000:1004, 1300:1304] = 4
    data = encode_thumbnail(prediction)
    thumbnail = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert thumbnail.shape == (300, THUMBNAIL_SIDE, 3)
    marked = abs(thumbnail.astype(int) - (40, 80, 120)).max(2) > 40
    assert marked[75:150, 100:103].any(1).all()
    # A lesion of less than a pixel is seen too.
    assert marked[248:253, 323:328].any()
    assert not marked[160:240].any()
