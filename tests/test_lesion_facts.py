import subprocess
import sys

import numpy as np
import pytest

from hacdr.lesions import (
    BITS_TO_LABEL,
    CLASSES,
    COMBINATIONS,
    IGNORED,
    IGNORED_BIT,
    LABEL_TO_BITS,
    LESIONS,
    PALETTE,
    UNKNOWN,
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


def test_labels_and_bits_translate_there_and_back():
    labels = np.array([*range(len(CLASSES)), IGNORED])
    assert LABEL_TO_BITS[labels].tolist() == [0, 1, 2, 4, 8, 255]
    assert BITS_TO_LABEL[LABEL_TO_BITS[labels]].tolist() == labels.tolist()


def test_the_later_of_overlapping_lesions_wins():
    for bits in range(1, COMBINATIONS):
        drawn = [k for k in range(len(LESIONS)) if bits >> k & 1]
        assert BITS_TO_LABEL[bits] == max(drawn) + 1


def test_values_of_no_meaning_are_told_apart():
    assert (LABEL_TO_BITS[len(CLASSES) : IGNORED] == UNKNOWN).all()
    assert (BITS_TO_LABEL[COMBINATIONS:IGNORED] == UNKNOWN).all()
    assert UNKNOWN not in (*range(COMBINATIONS), IGNORED, IGNORED_BIT)


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
        LABEL_TO_BITS[3] = 0


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
