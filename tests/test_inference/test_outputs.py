import io

import numpy as np
import pytest
from PIL import Image

from hacdr.inference.outputs import OUTPUTS, Prediction
from hacdr.lesions import CLASSES, PALETTE


@pytest.fixture
def prediction():
    label = np.zeros((200, 300), np.uint8)
    label[50:90, 100:150] = 2
    photograph = np.full((200, 300, 3), 90, np.uint8)
    return Prediction(photograph, label, None, CLASSES, PALETTE)


def open_output(prediction, ending):
    return Image.open(io.BytesIO(OUTPUTS[ending](prediction)))


def blueness(pixel):
    """Of an RGB pixel: above 0 for HE, below for EX; JPEG blurs the outlines."""
    return pixel[2] - pixel[0]


def test_the_label_map_has_values_and_colours(prediction):
    image = open_output(prediction, '.png')
    np.testing.assert_array_equal(np.asarray(image), prediction.label)
    assert image.convert('RGB').getpixel((120, 70)) == (0, 0, 255)


def test_the_overlay_shows_photograph_and_outlines(prediction):
    left, right = np.split(
        np.asarray(open_output(prediction, '_overlay.jpg')).astype(int), 2, axis=1
    )
    assert abs(left[50:90, 100:150] - 90).max() < 20
    assert blueness(right[50, 120]) > 40
    assert abs(right[70, 120] - 90).max() < 20


def test_the_overlay_shows_what_the_experts_drew(prediction):
    experts = np.zeros_like(prediction.label)
    experts[100:140, 20:60] = 1
    image = open_output(prediction._replace(experts=experts), '_overlay.jpg')
    left, right = np.split(np.asarray(image).astype(int), 2, axis=1)
    assert blueness(left[100, 40]) < -40
    assert abs(blueness(left[50, 120])) < 20
    assert blueness(right[50, 120]) > 40


def test_the_label_map_comes_last():
    """Where it stands, the photograph counts as done."""
    assert [*OUTPUTS][-1] == '.png'
