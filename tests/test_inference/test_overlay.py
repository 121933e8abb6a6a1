import numpy as np
import pytest

from hacdr.inference.overlay import (
    LEGEND_GREY,
    draw_legend,
    draw_outlines,
    draw_side_by_side,
    find_outlines,
)

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


def test_components_are_counted_by_eight_neighbours():
    label = square_label(1)
    label[40, 50] = 1  # touches by a corner
    label[25:35, 35:45] = 0
    label[30, 40] = 1  # in the hole
    label[0, 0] = 2
    assert [one.number for one in find_outlines(label, CLASSES)] == [2, 1]
    assert [one.number for one in find_outlines(label * 0, CLASSES)] == [0, 0]


def test_a_large_photograph_is_reduced_and_its_outlines_have_a_halo():
    photograph = np.full((2400, 3200, 3), 100, np.uint8)
    label = np.kron(square_label(1), np.ones((40, 40), np.uint8))
    image = draw_side_by_side(photograph, {'prediction': label}, CLASSES, PALETTE)
    assert image.shape[1] == 1920
    column = image[: 2400 * 3 // 5, 1600 * 3 // 5].astype(int)
    red = column[:, 2] - column[:, 1] > 150
    # Two sides of the square, two pixels each, in dark ones.
    assert 4 <= red.sum() <= 6
    border = round(800 * 0.6)
    assert red[border - 2 : border + 2].any()
    assert column[border - 4 : border + 4].min() < 50
    assert column[border - 20 : border - 6].min() == 100


def test_one_pixel_of_a_large_photograph_is_seen():
    label = np.zeros((2400, 3200), np.uint8)
    label[1200, 1600] = 1
    photograph = np.full((*label.shape, 3), 100, np.uint8)
    image = draw_side_by_side(photograph, {'prediction': label}, CLASSES, PALETTE)
    spot = image[710:730, 950:970].astype(int)
    assert (spot[..., 2] - spot[..., 1]).max() > 100


def test_a_legend_takes_as_many_lines_as_it_needs():
    colours = [[0, 0, 0], [250, 10, 10], [10, 250, 10]]
    wide = draw_legend(800, CLASSES, colours, 0.5, [12, 3], 'eye.jpg')
    narrow = draw_legend(90, CLASSES, colours, 0.5, [12, 3], 'eye.jpg')
    assert len(wide) == 24
    assert len(narrow) == 3 * 24
    for strip in (wide, narrow):
        for colour in ([10, 10, 250], [10, 250, 10]):
            assert colour in strip.reshape(-1, 3).tolist()
        # Nothing is cut off at the right.
        assert (strip[:, -1] == LEGEND_GREY).all()


def test_the_name_stands_under_the_photograph():
    photograph = np.full((200, 300, 3), 100, np.uint8)
    panels = {'photograph': None, 'prediction': np.zeros((200, 300), np.uint8)}
    named, unnamed = (
        draw_side_by_side(photograph, panels, CLASSES, PALETTE, name)
        for name in ('Auge \u00e4 \u773c.jpg', '')
    )
    assert (named[:200] == unnamed[:200]).all()
    assert (named[200:, :300] != unnamed[200 : len(named), :300]).any()
