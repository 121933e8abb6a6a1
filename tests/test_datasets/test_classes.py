"""Some of the lesions, or others: trained and scored by name."""

import json

import numpy as np
import pytest
from PIL import Image

from hacdr.datasets import ConvertedDataset, LesionDataset
from hacdr.datasets.classes import choose_classes, classes_of, unwrap_dataset
from hacdr.errors import InputError
from hacdr.lesions import CLASSES, PALETTE

from .distributed import make_dataset, write_photographs

TRAIN = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
REDUCED = [dict(type='LoadPhotograph', img_scale=(32, 24))]


@pytest.fixture
def root(tmp_path):
    """Two photographs; each lesion has 18 pixels, HE was drawn over 6 of EX."""
    write_photographs(tmp_path, 'ab')
    return tmp_path


def test_all_classes_by_default():
    choice = choose_classes(CLASSES)
    assert choice == (CLASSES, PALETTE, None)


def test_what_is_not_chosen_is_background():
    choice = choose_classes(CLASSES, ['background', 'MA', 'EX'])
    assert choice.names == ('background', 'MA', 'EX')
    assert choice.palette == [PALETTE[0], PALETTE[4], PALETTE[1]]
    assert choice.label_map == {0: 0, 1: 2, 2: 0, 3: 0, 4: 1}


def test_names_may_say_what_values_mean():
    names = ['background', 'drusen', 'vessel']
    choice = choose_classes(CLASSES, names, renames=True)
    assert choice.names == tuple(names)
    assert choice.label_map == {0: 0, 1: 1, 2: 2}
    with pytest.raises(InputError, match='drusen is none of the data set, which has b'):
        choose_classes(CLASSES, names)
    with pytest.raises(InputError, match='drusen is none of the data set'):
        choose_classes(CLASSES, ['background', 'EX', 'drusen'], renames=True)


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        (['EX'], 'classes: EX, expected background first and then a lesion'),
        (['background'], 'classes: background, expected background first and then'),
        ([], 'expected background first'),
        (['background', 'EX', 'EX'], 'expected each once'),
        (['background', *'abcdefgh'], '9 of them, expected at most 8'),
    ],
)
def test_classes_that_cannot_be_chosen(names, message):
    with pytest.raises(InputError, match=message):
        choose_classes(CLASSES, names, renames=True)


def test_classes_in_a_file(tmp_path):
    path = tmp_path / 'classes.txt'
    path.write_bytes('background\r\nEX\r\n\r\n'.encode('utf-16'))
    assert choose_classes(CLASSES, str(path)).names == ('background', 'EX')
    with pytest.raises(InputError, match=r'gone\.txt: no such file'):
        choose_classes(CLASSES, str(tmp_path / 'gone.txt'))


def test_a_palette_of_ones_own():
    names, palette = ['background', 'EX'], [[0, 0, 0], [9, 9, 9]]
    assert choose_classes(CLASSES, names, palette).palette == palette
    with pytest.raises(InputError, match='palette: 1 colours, expected one for each'):
        choose_classes(CLASSES, names, palette[:1])


def test_classes_of_a_config():
    inner = dict(type='LesionDataset', classes=['background', 'EX'])
    for data in (inner, dict(type='RepeatDataset', dataset=inner), [inner, {}]):
        assert unwrap_dataset(data) is inner
        assert classes_of(data).names == ('background', 'EX')
    assert classes_of(dict(type='CustomDataset', classes=('a', 'b'))).names == (
        'a',
        'b',
    )
    assert classes_of(dict(type='CustomDataset')).names == ()
    assert len(classes_of(dict(type='CityscapesDataset')).palette) == 19


def load(dataset):
    return np.asarray(dataset[0]['gt_semantic_seg'])


@pytest.mark.parametrize('pipeline', [TRAIN, REDUCED], ids=['stock', 'reduced'])
def test_labels_to_train_on(root, pipeline):
    options = dict(pipeline=pipeline, test_mode=False)
    every = load(make_dataset(root, **options))
    some = load(make_dataset(root, classes=['background', 'MA', 'HE'], **options))
    assert (some == 1).sum() == (every == 4).sum() == 18
    assert (some == 2).sum() == (every == 2).sum() > 0
    assert set(np.unique(some)) == {0, 1, 2}


def test_a_lesion_that_was_not_chosen_hides_none(root):
    dataset = make_dataset(
        root, classes=['background', 'EX'], pipeline=REDUCED, test_mode=False
    )
    assert (load(dataset) == 1).sum() == 18


@pytest.mark.parametrize('ground_truth', ['labels', 'masks'])
def test_scores_are_those_of_the_same_lesions_among_all(root, ground_truth):
    options = dict(ground_truth=ground_truth, lesion_level=True)
    every = make_dataset(root, **options)
    some = make_dataset(root, classes=['background', 'SE', 'EX'], **options)
    p = np.random.default_rng(0).random((2, 5, 24, 32), np.float32)
    results = [
        each.summarise(each.pre_eval(list(p[:, channels]), [0, 1]))
        for each, channels in ((every, [0, 1, 2, 3, 4]), (some, [0, 3, 1]))
    ]
    names = ('SE', 'EX', 'mean')
    assert tuple(results[1]['figures']['AUPR']) == names
    for lesion in ('SE', 'EX'):
        for metric in ('AUPR', 'm2mrf-11'):
            a, b = (one['figures'][metric][lesion] for one in results)
            assert a == b
        assert results[0]['froc'][lesion] == results[1]['froc'][lesion]
    metrics = some.evaluate(list(p[:, [0, 3, 1]]), ['mAUPR', 'mDice'])
    assert set(metrics) == {
        'mAUPR',
        'AUPR.SE',
        'AUPR.EX',
        'mDice',
        'Dice.SE',
        'Dice.EX',
    }


def test_one_lesion_of_ones_own(root):
    for name in 'ab':
        values = np.zeros((24, 32), np.uint8)
        values[3:9, 3:9] = 1
        Image.fromarray(values).save(root / 'labels' / f'{name}.png')
    options = dict(classes=['background', 'drusen'], mask_dir='none')
    dataset = make_dataset(root, save_probabilities=str(root / 'planes'), **options)
    answer = np.eye(2, dtype=np.float32)[dataset.ground_truth_of(0)].transpose(2, 0, 1)
    scores = dataset.pre_eval([answer, answer], [0, 1])
    summary = dataset.summarise(scores, select_thresholds=True)
    assert summary['figures']['AUPR']['drusen']['value'] == 1
    assert summary['best_dice_thresholds'] == dict(drusen=1.0)
    assert 'drusen' in dataset.table(summary, 2, ['mAUPR', 'mDice'])
    assert scores[0].files == dict(drusen='a_drusen.png')
    values[:] = 3
    Image.fromarray(values).save(root / 'labels' / 'b.png')
    with pytest.raises(InputError, match='label map with value 3, expected 0 to 1 or'):
        dataset.ground_truth_of(1)
    with pytest.raises(InputError, match='thresholds for EX, expected drusen'):
        make_dataset(root, thresholds=dict(EX=0.5), **options)


def test_the_classes_of_a_converted_set(tmp_path):
    names = ['background', 'EX', 'drusen']
    manifest = tmp_path / 'manifest.json'
    manifest.write_text(json.dumps(dict(layout=3, classes=names)))
    root = str(tmp_path)
    assert ConvertedDataset.choose_classes(root).names == tuple(names)
    assert ConvertedDataset.choose_classes(root, names[::2]).label_map == {
        0: 0,
        1: 0,
        2: 1,
    }
    with pytest.raises(InputError, match='MA is none of the data set, which has backg'):
        ConvertedDataset.choose_classes(root, ['background', 'MA'])
    manifest.write_text(json.dumps(dict(layout=3)))
    assert ConvertedDataset.choose_classes(root).names == LesionDataset.CLASSES
