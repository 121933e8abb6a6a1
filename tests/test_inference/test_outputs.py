import io

import numpy as np
import pytest
from PIL import Image

from hacdr.inference.outputs import OUTPUTS, Result, encode_plane
from hacdr.inference.prediction import Prediction
from hacdr.lesions import CLASSES, PALETTE


@pytest.fixture
def result():
    label = np.zeros((200, 300), np.uint8)
    label[50:90, 100:150] = 2
    photograph = np.full((200, 300, 3), 90, np.uint8)
    probabilities = np.stack([label == value for value in range(1, 5)]) / 2
    prediction = Prediction(photograph, label, probabilities, CLASSES, PALETTE)
    return Result(prediction, 'eye.jpg')


def open_output(result, name):
    return Image.open(io.BytesIO(OUTPUTS[name](result)))


def blueness(pixel):
    """Of an RGB pixel: above 0 for HE, below for EX; JPEG blurs the outlines."""
    return pixel[2] - pixel[0]


def test_the_label_map_has_values_and_colours(result):
    image = open_output(result, '{output}.png')
    np.testing.assert_array_equal(np.asarray(image), result.prediction.label)
    assert image.convert('RGB').getpixel((120, 70)) == (0, 0, 255)


def split_overlay(result):
    overlay = open_output(result, '{output}_overlay.jpg')
    return np.split(np.asarray(overlay).astype(int), 2, axis=1)


def test_the_overlay_shows_photograph_and_outlines(result):
    left, right = split_overlay(result)
    assert abs(left[50:90, 100:150] - 90).max() < 20
    assert blueness(right[50, 120]) > 40
    assert abs(right[70, 120] - 90).max() < 20


def test_the_overlay_shows_what_the_experts_drew(result):
    experts = np.zeros((200, 300), np.uint8)
    experts[100:140, 20:60] = 1
    left, right = split_overlay(result._replace(experts=experts))
    assert blueness(left[100, 40]) < -40
    assert abs(blueness(left[50, 120])) < 20
    assert blueness(right[50, 120]) > 40


def test_a_plane_of_probabilities(result):
    plane = np.asarray(Image.open(io.BytesIO(encode_plane(result, 'HE'))))
    assert plane.dtype == np.uint8
    assert plane[70, 120] == 128
    assert plane[0, 0] == 0
