import pytest

from hacdr.conversion.own.splitting import find_patients, find_subset, split_own
from hacdr.errors import InputError


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('10_left', '10_right'),
        ('p3-OD', 'p3-OS'),
        ('0007 L visit2', '0007 R visit1'),
        ('smith_v1', 'smith_v2'),
        ('12L', '12R'),
        ('left_0004', 'right_0004'),
        ('4_macula', '4_disc'),
        ('17_1', '17_2'),
        ('007-1774-100', '007-1774-200'),
        ('20170413_3_left', '20170413_3_right'),
    ],
)
def test_photographs_of_one_patient(one, other):
    patients = find_patients([one, other, '99_x', 'y_left', '1_left', '98_2'])
    assert patients[one] == patients[other]
    assert len({*patients.values()}) == 5


@pytest.mark.parametrize(
    'names',
    [
        ['IDRiD_01', 'IDRiD_02', 'IDRiD_03'],
        ['messidor2_0001', 'messidor2_0002'],
        ['image_001', 'scan_001', 'image_002'],
        ['IMG1234', 'IMG1235'],
        ['C0001273'],
        ['20051020_44261_0100_PP', '20051020_44349_0100_PP'],
        ['1_left', '2_left', '10_right', 'left_3'],
    ],
)
def test_photographs_of_different_patients(names):
    assert len({*find_patients(names).values()}) == len(names)


def find_in_folders(*files):
    paths = {file.replace('/', '_'): file.split('/') for file in files}
    return [*find_patients(paths, paths=paths).values()]


@pytest.mark.parametrize(
    ('one', 'other'),
    [
        ('visit1/0_left', 'visit2/0_left'),
        ('visit 1/12L', 'visit 2/12R'),
        ('2019/smith_v1', '2020/smith_v2'),
        ('baseline/17_1', 'month6/17_1'),
        ('train/0_left', 'test/0_left'),
        ('train/left_0004', 'test/left_0004'),
        ('train/P01/left', 'test/P01/right'),
        ('P01/train/left', 'P01/test/left'),
        ('visit1/P01/left', 'visit2/P01/left'),
        ('P01/left', 'P01/right'),
        ('P01/OD_1', 'P01/OD_2'),
        ('P01/visit1_left', 'P01/visit2_left'),
        ('P01/visit1/17_1', 'P01/visit2/18_1'),
        ('exam1/left', 'exam1/right'),
    ],
)
def test_one_patient_in_folders(one, other):
    patients = find_in_folders(one, other, 'P99/left', 'P98/OD_1', 'visit1/97_left')
    assert patients[0] == patients[1]
    assert len({*patients}) == 4


@pytest.mark.parametrize(
    'files',
    [
        ['P01/left', 'P02/left', 'P03/left'],
        ['P01/OD_1', 'P02/OD_1'],
        ['P01/visit1_left', 'P02/visit1_left'],
        ['P01/scan_left', 'P02/scan_left'],
        ['images/P01/1_left', 'images/P02/1_left', 'images/P03/1L'],
        ['p1/01', 'p2/01'],
        ['train/a', 'test/a'],
    ],
)
def test_different_patients_in_folders(files):
    assert len({*find_in_folders(*files)}) == len(files)


def test_a_pattern_instead():
    names = ['a17x1', 'a17x2', 'a18x1']
    assert [*find_patients(names, r'a(\d+)x').values()] == ['17', '17', '18']


@pytest.mark.parametrize(
    ('pattern', 'message'),
    [
        ('(', "--patient '(': missing"),
        ('a', 'has 0 groups, expected one'),
        ('(a)(b)', 'has 2 groups, expected one'),
        ('(b)', "does not fit the name 'a'"),
    ],
)
def test_a_pattern_that_does_not_fit(pattern, message):
    with pytest.raises(InputError) as caught:
        find_patients(['a'], pattern)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ('folder', 'subset'),
    [
        ('a. Training Set', 'train'),
        ('b. Testing Set', 'test'),
        ('train2017', 'train'),
        ('valid', 'val'),
        ('Validation', 'val'),
        ('test_set', 'test'),
        ('trains', None),
        ('latest', None),
        ('A. Segmentation', None),
    ],
)
def test_what_folders_say(folder, subset):
    assert find_subset(['x', folder], 'x') == subset


def test_folders_that_disagree():
    with pytest.raises(InputError, match='a: lies in folders of test and train'):
        find_subset(['train', 'test'], 'a')


def draw(names, **subsets):
    given = {name: subsets.get(name) for name in names}
    return split_own(given, find_patients(names), 'x')


def test_without_folders_a_seed_draws_by_patient():
    names = [f'{i}_{eye}' for i in range(20) for eye in ('left', 'right')]
    splits, warnings = draw(names)
    assert [len(splits[s]) for s in ('train', 'val', 'test')] == [28, 4, 8]
    assert splits['trainval'] == sorted(splits['train'] + splits['val'])
    for split in ('train', 'val', 'test'):
        assert len({n.split('_')[0] for n in splits[split]}) * 2 == len(splits[split])
    assert warnings == []
    assert draw(names) == (splits, [])


def test_three_patients_are_enough():
    splits, _ = draw(['1_left', '2_left', '3_left', '3_right'])
    assert all(splits[split] for split in ('train', 'val', 'test'))
    with pytest.raises(InputError, match='x: photographs of 2 patients, expected 3 or'):
        draw(['1_left', '2_left', '2_right'])


def test_folders_decide():
    splits, warnings = draw('abc', a='train', b='val', c='test')
    assert splits == dict(train=['a'], val=['b'], trainval=['a', 'b'], test=['c'])
    assert warnings == []


def test_a_validation_set_is_drawn_of_the_training_set():
    names = [f'{i}_left' for i in range(10)]
    splits, _ = draw([*names, 'z'], **dict.fromkeys(names, 'train'), z='test')
    assert [len(splits[s]) for s in ('train', 'val', 'test')] == [9, 1, 1]
    assert splits['trainval'] == names


def test_only_a_test_set():
    assert draw('ab', a='test', b='test')[0] == dict(test=['a', 'b'])


def test_a_photograph_in_no_folder():
    with pytest.raises(InputError, match='b lies in no folder train, val or test'):
        draw('ab', a='train')


def test_a_patient_on_both_sides():
    names = ['1_left', '1_right', '2_left', '3_left']
    subsets = dict(zip(names, ['train', 'test', 'train', 'val']))
    assert draw(names, **subsets)[1] == [
        '1 patients have photographs in trainval and in test: 1'
    ]
