import numpy as np
import pytest

from hacdr.inference.overlay import draw_outlines, draw_side_by_side

CLASSES = ('background', 'EX', 'HE')
PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255]]


def square_label(value):
    label = np.zeros((60, 80), np.uint8)
    label[20:40, 30:50] = value
    return label


def test_outline_has_the_class_colour_and_leaves_the_inside():
    photograph = np.full((60, 80, 3), 100, np.uint8)
    drawn = draw_outlines(photograph, square_label(1), CLASSES, PALETTE)
    assert drawn[20, 40].tolist() == [0, 0, 255]
    assert drawn[30, 40].tolist() == [100, 100, 100]
    assert drawn[10, 10].tolist() == [100, 100, 100]
    assert (photograph == 100).all()


def test_background_and_ignored_pixels_are_not_drawn():
    photograph = np.full((60, 80, 3), 100, np.uint8)
    for value in (0, 255):
        drawn = draw_outlines(photograph, square_label(value), CLASSES, PALETTE)
        assert (drawn == 100).all()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r'\(60, 80\).*\(50, 80\)'):
        draw_outlines(
            np.zeros((50, 80, 3), np.uint8), square_label(1), CLASSES, PALETTE
        )


def test_side_by_side_has_a_panel_each_and_a_legend():
    photograph = np.full((240, 320, 3), 100, np.uint8)
    labels = [np.kron(square_label(v), np.ones((4, 4), np.uint8)) for v in (1, 2)]
    panels = {'experts': labels[0], 'prediction': labels[1]}
    picture = draw_side_by_side(photograph, panels, CLASSES, PALETTE)
    assert picture.shape[0] > 240
    assert picture.shape[1] == 640
    assert picture[80, 160].tolist() == [0, 0, 255]
    assert picture[80, 320 + 160].tolist() == [255, 0, 0]
    legend = picture[240:].reshape(-1, 3).tolist()
    assert [0, 0, 255] in legend
    assert [255, 0, 0] in legend
