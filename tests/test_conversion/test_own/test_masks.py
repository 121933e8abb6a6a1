import numpy as np
import pytest
from PIL import Image

from hacdr.conversion import convert, open_source
from hacdr.conversion.own import Options, read_mask_folders
from hacdr.errors import InputError
from hacdr.lesions import CLASSES

from .folder import SHAPE, convert_own, read_maps

PAGE = Image.fromarray(np.ones(SHAPE, np.uint8))


def turned(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.fixture
def three(folder):
    """Photographs of three patients, in JPEG; the third has no lesion."""
    for index, name in enumerate(['1_left', '2_left', '3_left']):
        folder.photograph(f'images/{name}.jpg', index)
    folder.square('EX/1_left.png')
    folder.square('Microaneurysms/1_left_MA.tif', top=12)
    folder.square('EX/2_left.png', top=30)
    return folder


def read(folder, **options):
    return read_mask_folders(open_source(folder.root), Options(**options))


def test_a_folder_for_each_lesion(three, tmp_path):
    plan, manifest = convert_own(read_mask_folders, three.root, tmp_path / 'out')
    labels, bits = read_maps(tmp_path / 'out', plan, '1_left')
    expected = np.zeros(SHAPE, np.uint8)
    expected[10:15, 20:25] = 1
    expected[12:17, 20:25] = 4
    np.testing.assert_array_equal(labels, expected)
    assert (bits == 9).sum() == 15
    assert not read_maps(tmp_path / 'out', plan, '3_left')[1].any()
    assert manifest['classes'] == [*CLASSES]
    assert manifest['drawn'] == ['EX', 'MA']
    assert plan.warnings == ['1 photograph without any mask, taken as healthy: 3_left']
    assert [sorted(plan.splits[s]) for s in plan.splits if len(plan.splits[s]) == 1]
    for record in plan.records:
        photograph = tmp_path / 'out' / 'images' / record.subset / f'{record.name}.jpg'
        original = three.root / 'images' / photograph.name
        assert photograph.read_bytes() == original.read_bytes()


@pytest.mark.parametrize(
    ('photograph', 'mask'),
    [
        ('images/a.jpg', 'masks/EX/a.png'),
        ('a.jpg', 'EX/a.png'),
        ('photos/a.jpg', '3. Hard Exudates/a_EX.png'),
        ('images/train/a.jpg', 'masks/train/EX/a_mask.png'),
        ('train/images/a.jpg', 'train/EX/a.png'),
        ('images/a.JPG', 'HardExudate_Masks/A.PNG'),
        ('images/a.b (1).jpg', 'EX/a.b (1)_hard_exudates.png'),
        ('images/IDRiD_01.jpg', 'EX/IDRiD_01_EX.png'),
    ],
)
def test_where_masks_may_lie(folder, photograph, mask):
    folder.photograph(photograph)
    for name in 'xyz':
        folder.photograph(
            photograph.replace(photograph.rpartition('/')[2], f'{name}.jpg')
        )
    folder.square(mask)
    plan = read(folder)
    assert {r.photograph: r.masks for r in plan.records if r.masks} == {
        photograph: {'EX': mask}
    }


def test_other_classes(three, tmp_path):
    three.square('IRMA/2_left.png', top=32)
    three.square('Drusen/3_left.png')
    classes = ('IRMA', 'MA=Microaneurysms', 'EX')
    plan, manifest = convert_own(
        read_mask_folders, three.root, tmp_path / 'out', classes=classes
    )
    assert manifest['classes'] == ['background', 'EX', 'MA', 'IRMA']
    assert manifest['drawn'] == ['EX', 'MA', 'IRMA']
    labels, bits = read_maps(tmp_path / 'out', plan, '2_left')
    assert np.unique(labels).tolist() == [0, 1, 3]
    assert np.unique(bits).tolist() == [0, 1, 4, 5]
    assert plan.notes[0] == '1 image passed over: Drusen/3_left.png'
    overlaps = [image['overlaps'] for image in manifest['images']]
    assert all([*pairs] == ['EX&MA', 'EX&IRMA', 'MA&IRMA'] for pairs in overlaps)
    assert sum(pairs['EX&IRMA'] for pairs in overlaps) == 15


def test_seven_classes_have_a_bit_each(three, tmp_path):
    for index, name in enumerate('abcdef'):
        three.square(f'{name}/3_left.png', top=4 + index)
    plan, _ = convert_own(
        read_mask_folders, three.root, tmp_path / 'out', classes=('EX', *'abcdef')
    )
    labels, bits = read_maps(tmp_path / 'out', plan, '3_left')
    assert labels[13, 20] == 7
    assert bits[13, 20] == 64
    assert bits[8, 20] == 2 + 4 + 8 + 16 + 32


def test_a_zip(three, tmp_path):
    import shutil

    packed = shutil.make_archive(str(tmp_path / 'own'), 'zip', three.root)
    plan, _ = convert_own(read_mask_folders, packed, tmp_path / 'out')
    assert read_maps(tmp_path / 'out', plan, '1_left')[0].max() == 4


def test_names_that_are_not_unique(folder, tmp_path):
    for patient in ('p1', 'p2', 'p3'):
        folder.photograph(f'images/{patient}/01.jpg')
        folder.square(f'masks/EX/{patient}/01.png', top=int(patient[1]))
    plan, _ = convert_own(read_mask_folders, folder.root, tmp_path / 'out')
    assert [record.name for record in plan.records] == ['p1_01', 'p2_01', 'p3_01']
    assert read_maps(tmp_path / 'out', plan, 'p3_01')[0][3, 20] == 1


def test_a_patient_in_several_folders_is_one(folder, tmp_path):
    for visit in ('visit1', 'visit2'):
        for patient in range(4):
            folder.photograph(f'images/{visit}/{patient}_left.jpg', patient)
            folder.square(f'EX/{visit}/{patient}_left.png')
    plan, manifest = convert_own(read_mask_folders, folder.root, tmp_path / 'out')
    assert {*plan.patients.values()} == {*'0123'}
    for split in manifest['splits']:
        listed = (tmp_path / 'out' / 'splits' / f'{split}.txt').read_text().split()
        other = {name.replace('visit1', 'visit2') for name in listed} - {*listed}
        assert not other
    assert convert(open_source(folder.root), plan, tmp_path / 'out', jobs=1)[1] is None


def test_a_patient_for_training_and_for_testing_is_told(folder):
    for part in ('train', 'test'):
        for name in ('0_left', '1_left' if part == 'train' else '2_left'):
            folder.photograph(f'{part}/images/{name}.jpg')
            folder.square(f'{part}/EX/{name}.png')
    assert read(folder).warnings == [
        '1 patients have photographs in trainval and in test: 0'
    ]


@pytest.mark.parametrize('name', ['3_left.png', '3_left.tif', '3_left.bmp'])
def test_photographs_of_several_kinds(three, tmp_path, name):
    (three.root / 'images' / '3_left.jpg').unlink()
    path = three.photograph(f'images/{name}', seed=2)
    plan, manifest = convert_own(read_mask_folders, three.root, tmp_path / 'out')
    assert manifest['photograph_format'] == 'PNG'
    for stored in (path, three.root / 'images' / '1_left.jpg'):
        (written,) = (tmp_path / 'out' / 'images').rglob(f'{stored.stem}.png')
        with Image.open(written) as image, Image.open(stored) as original:
            difference = np.asarray(image, int) - np.asarray(original)
            # Two decoders of JPEG.
            assert abs(difference).max() <= (3 if stored.suffix == '.jpg' else 0)
    del plan


def test_grey_photographs(three, tmp_path):
    with Image.open(three.root / 'images' / '2_left.jpg') as image:
        image.convert('L').save(three.root / 'images' / '2_left.jpg')
    _, manifest = convert_own(read_mask_folders, three.root, tmp_path / 'out')
    assert manifest['photograph_format'] == 'PNG'
    (written,) = (tmp_path / 'out').rglob('images/*/2_left.png')
    with Image.open(written) as image:
        assert image.mode == 'RGB'


def test_twelve_bits_in_sixteen_are_scaled_and_told(three, tmp_path):
    values = np.random.default_rng(0).integers(0, 4096, SHAPE, np.uint16)
    three.image('images/3_left.png', values)
    (three.root / 'images' / '3_left.jpg').unlink()
    _, manifest = convert_own(read_mask_folders, three.root, tmp_path / 'out')
    (written,) = (tmp_path / 'out').rglob('images/*/3_left.png')
    with Image.open(written) as image:
        assert image.mode == 'RGB'
        assert abs(np.asarray(image)[..., 0] - values / 16).max() <= 1
    notes = {
        image['name']: image['photograph']['notes'] for image in manifest['images']
    }
    assert notes['1_left'] == []
    assert any('12 bits' in note for note in notes['3_left'])


def test_soft_masks(three, tmp_path):
    values = np.zeros(SHAPE, np.uint8)
    values[:4], values[4:8] = 127, 128
    three.image('EX/3_left.png', values)
    with pytest.raises(InputError, match=r'two values, .*; --soft-masks reads grey'):
        convert_own(read_mask_folders, three.root, tmp_path / 'out')
    plan, _ = convert_own(
        read_mask_folders, three.root, tmp_path / 'out', soft_masks=True
    )
    labels, _ = read_maps(tmp_path / 'out', plan, '3_left')
    assert (labels == 1).sum() == 4 * SHAPE[1]
    assert (labels[4:8] == 1).all()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(exif=turned(6)), 'mask has an Exif orientation, expected one image'),
        (
            dict(save_all=True, append_images=[PAGE]),
            'mask has several images',
        ),
    ],
)
def test_masks_that_are_more_than_one_image(three, tmp_path, options, message):
    three.image('EX/3_left.tif', np.zeros(SHAPE, np.uint8), **options)
    with pytest.raises(InputError, match=message):
        convert_own(read_mask_folders, three.root, tmp_path / 'out')


@pytest.mark.parametrize('name', ['EX', 'IRMA'])
def test_a_mask_in_negative_is_told(three, tmp_path, name):
    values = np.full(SHAPE, 255, np.uint8)
    values[0] = 0
    three.image(f'{name}/3_left.png', values)
    _, manifest = convert_own(
        read_mask_folders, three.root, tmp_path / 'out', classes=(name,)
    )
    assert manifest['warnings'][-1] == (
        f'3_left: {name} covers 98% of the photograph; are lesion and background '
        'swapped?'
    )


def no_masks(three):
    for path in three.root.rglob('*'):
        if path.is_file() and 'images' not in path.parts:
            path.unlink()


def no_photographs(three):
    for path in three.root.glob('images/*'):
        path.unlink()


BAD = {
    no_masks: 'own: no folder of a lesion; say with --classes what is what',
    no_photographs: 'own: no photograph found beside the annotations, expected one of',
    lambda three: three.square(
        'EX/4_left.png'
    ): r'EX/4_left\.png: mask without a photo',
    lambda three: three.square('EX/1_left_mask.png'): (
        r'a second mask of EX for 1_left, the first is EX/1_left\.png'
    ),
    lambda three: three.photograph('images/b/1_left.jpg'): (
        r'belongs to images/1_left\.jpg or to images/b/1_left\.jpg; say with'
    ),
    lambda three: three.image('EX/3_left.png', np.zeros((9, 9), np.uint8)): (
        "mask is 9x9, expected 64x48 as the photograph's"
    ),
    lambda three: three.square(
        'EX/3_left.jpg'
    ): 'mask is JPEG, whose edges are blurred',
    lambda three: (
        three.photograph('images/a\u0308.jpg') and three.photograph('images/\u00e4.jpg')
    ): 'two photographs of one name',
}


@pytest.mark.parametrize('spoil', BAD)
def test_bad_folders(three, tmp_path, spoil):
    spoil(three)
    with pytest.raises(InputError, match=BAD[spoil]) as caught:
        convert_own(read_mask_folders, three.root, tmp_path / 'out')
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (('EX', 'SE'), "own: no folder 'SE' for SE (found: 'EX', 'Microaneurysms')"),
        (('EX', 'ignored=MA'), '--classes ignored: there are no masks of ignored'),
    ],
)
def test_classes_that_are_not_there(three, classes, message):
    with pytest.raises(InputError) as caught:
        read(three, classes=classes)
    assert message in str(caught.value)


def test_other_classes_are_another_conversion(three, tmp_path):
    three.square('IRMA/1_left.png')
    source = open_source(three.root)
    for options in (Options(), Options(classes=('EX', 'MA', 'IRMA'))):
        plan = read_mask_folders(source, options)
        if options.classes:
            with pytest.raises(InputError, match='out: holds the classes EX, HE, SE, '):
                convert(source, plan, tmp_path / 'out', jobs=1)
        else:
            convert(source, plan, tmp_path / 'out', jobs=1)
    assert convert(source, plan, tmp_path / 'out', overwrite=True, jobs=1)[1] == 3
