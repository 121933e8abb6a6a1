import subprocess
import sys

import numpy as np
import pytest

from hacdr.lesions import (
    CLASSES,
    IGNORED,
    IGNORED_BIT,
    LESIONS,
    MOST_LESIONS,
    PALETTE,
    UNKNOWN,
    bits_to_label,
    choose_palette,
    label_to_bits,
    lesion_plane,
    mark_colours,
)


def test_classes_and_colours_are_those_of_published_weights():
    assert CLASSES == ('background', 'EX', 'HE', 'SE', 'MA')
    assert PALETTE == [
        [0, 0, 0],
        [255, 0, 0],
        [0, 0, 255],
        [0, 255, 0],
        [255, 255, 0],
    ]


def test_colours_of_other_classes_are_unlike_each_other():
    names = [*CLASSES, *(f'other_{k}' for k in range(MOST_LESIONS))]
    colours = choose_palette(names)
    assert len({tuple(colour) for colour in colours}) == len(names)
    assert choose_palette(('background', 'MA', 'X')) == [
        PALETTE[0],
        PALETTE[4],
        colours[5],
    ]


def test_labels_and_bits_translate_there_and_back():
    labels = np.array([*range(len(CLASSES)), IGNORED])
    assert label_to_bits()[labels].tolist() == [0, 1, 2, 4, 8, 255]
    assert bits_to_label()[label_to_bits()[labels]].tolist() == labels.tolist()


@pytest.mark.parametrize('lesions', [1, len(LESIONS), MOST_LESIONS])
def test_the_later_of_overlapping_lesions_wins(lesions):
    for bits in range(1, 1 << lesions):
        drawn = [k for k in range(lesions) if bits >> k & 1]
        assert bits_to_label(lesions)[bits] == max(drawn) + 1


@pytest.mark.parametrize('lesions', [1, len(LESIONS), MOST_LESIONS])
def test_values_of_no_meaning_are_told_apart(lesions):
    assert (label_to_bits(lesions)[lesions + 1 : IGNORED] == UNKNOWN).all()
    assert (bits_to_label(lesions)[1 << lesions : IGNORED] == UNKNOWN).all()
    assert UNKNOWN not in (*range(1 << lesions), IGNORED, IGNORED_BIT)


def test_ignored_pixels_have_no_lesion():
    bits = np.array([[0, 1, 2, 9, IGNORED]], np.uint8)
    planes = [lesion_plane(bits, k)[0].tolist() for k in (0, 1, 3)]
    assert planes == [
        [False, True, False, True, False],
        [False, False, True, False, False],
        [False, False, False, True, False],
    ]


def test_the_tables_are_for_reading():
    with pytest.raises(ValueError, match='read-only'):
        label_to_bits()[3] = 0


def test_it_needs_numpy_alone():
    code = (
        'import sys\n'
        "for name in ('torch', 'mmcv', 'mmseg', 'cv2', 'scipy', 'numba', 'PIL'):\n"
        '    sys.modules[name] = None\n'
        'import hacdr.lesions\n'
    )
    subprocess.run([sys.executable, '-c', code], check=True)


def test_marks_of_the_four_lesions_are_bright_and_others_keep_their_colour():
    colours = mark_colours((*CLASSES, 'IRMA'), [*PALETTE, (1, 2, 3)])
    # Luminance, as CIE has it for sRGB, of what must be seen on dark red.
    assert min(np.dot(rgb, (0.2126, 0.7152, 0.0722)) for rgb in colours[1:5]) > 125
    assert colours[0] == [0, 0, 0]
    assert colours[5] == [1, 2, 3]
