import pytest

from hacdr.conversion.own.classes import (
    assign_classes,
    order_classes,
    parse_classes,
    simplify,
)
from hacdr.errors import InputError
from hacdr.lesions import CLASSES


@pytest.mark.parametrize(
    ('word', 'simple'),
    [
        ('3. Hard Exudates', 'hard exudate'),
        ('hard%20exudate', 'hard exudate'),
        ('HardExudate_Masks', 'hard exudate'),
        ('a. Cotton-wool_spots', 'cotton wool spot'),
        ('EX', 'ex'),
        ('MA mask', 'ma'),
        ('CWS', 'cws'),
        ('1', '1'),
    ],
)
def test_words_that_look_alike_are_equal(word, simple):
    assert simplify(word) == simple


def test_usual_names_are_known():
    found = ['1. Microaneurysms', 'Hemorrhages', 'EX', 'soft_exudate']
    assert assign_classes(found, {}, 'x', 'label').class_of == {
        '1. Microaneurysms': 'MA',
        'EX': 'EX',
        'Hemorrhages': 'HE',
        'soft_exudate': 'SE',
    }


def test_exudates_alone_may_be_hard_or_soft():
    with pytest.raises(InputError, match="x: label 'Exudates' is no lesion known here"):
        assign_classes(['EX', 'Exudates'], {}, 'x', 'label')


def test_words_that_are_given():
    classes = parse_classes(['EX=Exudates', 'he', 'Drusen', 'Drusen=spots', 'SE=cws'])
    assert [*classes] == ['EX', 'HE', 'Drusen', 'SE']
    found = ['exudate', 'Haemorrhages', 'spots', 'Optic Disc', 'soft exudates']
    assigned = assign_classes(found, classes, 'x', 'folder')
    assert assigned.class_of == {
        'exudate': 'EX',
        'Haemorrhages': 'HE',
        'spots': 'Drusen',
    }
    # What was given takes the place of what is known.
    assert assigned.passed_over == ['Optic Disc', 'soft exudates']
    (absent,) = assigned.absent
    assert absent.startswith("no folder 'cws' for SE (found: 'Haemorrhages', ")


def test_nothing_known_is_found():
    with pytest.raises(InputError, match=r'x: no folder of a lesion; say with '):
        assign_classes(['images'], {}, 'x', 'folder', all_known=False)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['=x'], "--classes '=x': expected CLASS or CLASS=WORD"),
        (['EX='], "--classes 'EX=': expected CLASS or CLASS=WORD"),
        (['A&B'], "--classes 'A&B': expected CLASS"),
        (['../x=EX'], "'../x': cannot be part of the name of a file"),
        (['EX=1', 'HE=1'], "'1' means both EX and HE"),
        (['background=0'], 'names 0 classes, expected 1 to 7'),
        ([*'abcdefgh'], 'names 8 classes, expected 1 to 7 beside background'),
    ],
)
def test_classes_that_make_no_sense(arguments, message):
    with pytest.raises(InputError) as caught:
        parse_classes(arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ('names', 'classes', 'drawn'),
    [
        (['MA', 'EX'], CLASSES, ('EX', 'MA')),
        (['HE'], CLASSES, ('HE',)),
        (['NV', 'MA', 'EX'], ('background', 'EX', 'MA', 'NV'), ('EX', 'MA', 'NV')),
        (['b', 'a'], ('background', 'b', 'a'), ('b', 'a')),
    ],
)
def test_values_of_classes(names, classes, drawn):
    assert order_classes(names) == (classes, drawn)
