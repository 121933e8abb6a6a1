"""COCO and LabelMe: the same lesions, in both formats."""

import base64
import io
import shutil

import numpy as np
import pytest
from PIL import Image

from hacdr.conversion import convert, open_source
from hacdr.conversion.own import Options, read_coco, read_labelme
from hacdr.errors import InputError

from .folder import SHAPE, convert_own, read_maps

SQUARE = [[20, 10], [25, 10], [25, 15], [20, 15]]
LOWER = [[20, 30], [25, 30], [25, 35], [20, 35]]
EXPECTED = np.zeros(SHAPE, np.uint8)
EXPECTED[10:15, 20:25], EXPECTED[30:35, 20:25] = 1, 4
NAMES = 'a', 'b', 'c', 'd'


def coco(annotations=None, scale=1, **changed):
    height, width = (scale * side for side in SHAPE)
    images = [
        dict(id=10 + i, file_name=f'{name}.jpg', width=width, height=height)
        for i, name in enumerate(NAMES)
    ]
    categories = [
        dict(id=1, name='Hard Exudates'),
        dict(id=2, name='Microaneurysms'),
        dict(id=7, name='software'),
    ]
    if annotations is None:
        annotations = [
            dict(image_id=10, category_id=1, segmentation=[np.ravel(SQUARE).tolist()]),
            dict(image_id=10, category_id=2, segmentation=[np.ravel(LOWER).tolist()]),
        ]
    content = dict(images=images, annotations=annotations, categories=categories)
    return {**content, **changed}


def one_annotation(**changed):
    polygon = np.ravel(SQUARE).tolist()
    one = dict(image_id=10, category_id=1, segmentation=[polygon])
    return coco([{**one, **changed}])


def labelme(name='a', shapes=None, **changed):
    if shapes is None:
        shapes = [
            dict(label='Hard Exudates', points=SQUARE, shape_type='polygon'),
            dict(label='Microaneurysms', points=LOWER),
        ]
    size = dict(imageWidth=SHAPE[1], imageHeight=SHAPE[0])
    return {**dict(shapes=shapes, imagePath=f'{name}.jpg', **size), **changed}


def one_shape(**changed):
    one = dict(label='EX', points=SQUARE, shape_type='polygon')
    return labelme(shapes=[{**one, **changed}])


@pytest.fixture
def photographs(folder):
    for index, name in enumerate(NAMES):
        folder.photograph(f'images/{name}.jpg', index)
    return folder


@pytest.fixture
def with_coco(photographs):
    photographs.json('annotations.json', coco())
    return photographs


@pytest.fixture
def with_labelme(photographs):
    for name in NAMES:
        shapes = None if name == 'a' else []
        photographs.json(f'images/{name}.json', labelme(name, shapes))
    return photographs


def check(read, folder, output, **options):
    plan, manifest = convert_own(read, folder.root, output, **options)
    np.testing.assert_array_equal(read_maps(output, plan, 'a')[0], EXPECTED)
    assert not read_maps(output, plan, 'b')[0].any()
    return plan, manifest


def test_coco(with_coco, tmp_path):
    plan, manifest = check(read_coco, with_coco, tmp_path / 'out')
    assert manifest['drawn'] == ['EX', 'MA']
    assert plan.warnings == []
    lesions = manifest['images'][0]['lesions']
    assert lesions['EX']['source'] == lesions['MA']['source'] == 'annotations.json'
    assert lesions['HE']['source'] is None


def test_labelme(with_labelme, tmp_path):
    plan, manifest = check(read_labelme, with_labelme, tmp_path / 'out')
    assert manifest['drawn'] == ['EX', 'MA']
    assert plan.warnings == []


def test_coco_in_a_zip(with_coco, tmp_path):
    packed = shutil.make_archive(str(tmp_path / 'own'), 'zip', with_coco.root)
    plan, _ = convert_own(read_coco, packed, tmp_path / 'out')
    assert len(plan.records) == 4


def test_coco_of_splits_in_folders(folder, tmp_path):
    """As Roboflow packs it: a file in each folder; images of one name in two."""
    for index, part in enumerate(['train', 'valid', 'test']):
        folder.photograph(f'{part}/a.jpg', index)
        content = coco()
        content['images'] = content['images'][:1]
        folder.json(f'{part}/_annotations.coco.json', content)
    plan, _ = convert_own(read_coco, folder.root, tmp_path / 'out')
    assert plan.splits == dict(
        train=['train_a'],
        val=['valid_a'],
        trainval=['train_a', 'valid_a'],
        test=['test_a'],
    )


def test_runs(with_coco, tmp_path):
    drawn = EXPECTED.T.ravel() == 1
    ends = np.flatnonzero(np.diff(drawn.astype(int), append=1))
    counts = np.diff(ends, prepend=-1).tolist()
    content = coco()
    content['annotations'][0]['segmentation'] = dict(size=[*SHAPE], counts=counts)
    with_coco.json('annotations.json', content)
    check(read_coco, with_coco, tmp_path / 'out')


def test_other_shapes_of_labelme(photographs, tmp_path):
    png = io.BytesIO()
    Image.fromarray(np.ones((5, 5), bool)).save(png, 'PNG')
    shapes = [
        dict(label='EX', points=[SQUARE[0], SQUARE[2]], shape_type='rectangle'),
        dict(
            label='MA',
            points=[[20, 30], [24, 34]],
            shape_type='mask',
            mask=base64.b64encode(png.getvalue()).decode(),
        ),
    ]
    for name in NAMES:
        content = labelme(name, shapes if name == 'a' else [])
        photographs.json(f'images/{name}.json', content)
    check(read_labelme, photographs, tmp_path / 'out')


def test_a_rectangle_by_its_four_corners(photographs, tmp_path):
    """As X-AnyLabeling writes it."""
    shapes = [
        dict(label='EX', points=SQUARE, shape_type='rectangle'),
        dict(label='MA', points=LOWER[::-1], shape_type='rectangle'),
    ]
    for name in NAMES:
        content = labelme(name, shapes if name == 'a' else [])
        photographs.json(f'images/{name}.json', content)
    check(read_labelme, photographs, tmp_path / 'out')


def test_a_circle_of_labelme(photographs, tmp_path):
    shape = dict(label='EX', points=[[30, 20], [30, 26]], shape_type='circle')
    for name in NAMES:
        photographs.json(f'images/{name}.json', labelme(name, [shape]))
    plan, _ = convert_own(read_labelme, photographs.root, tmp_path / 'out')
    labels, _ = read_maps(tmp_path / 'out', plan, 'a')
    assert (labels == 1).sum() == pytest.approx(np.pi * 36, rel=0.05)


@pytest.mark.parametrize('path', ['..\\images\\a.jpg', '/home/x/a.jpg', 'renamed.jpg'])
def test_the_photograph_is_found_by_its_name(photographs, tmp_path, path):
    for name in NAMES:
        content = labelme(name, None if name == 'a' else [])
        if name == 'a':
            content['imagePath'] = path
        photographs.json(f'drawn/{name}.json', content)
    check(read_labelme, photographs, tmp_path / 'out')


@pytest.mark.parametrize('one', ['\u00e4', 'a\u0308'], ids=['composed', 'in two'])
def test_accents_as_one_letter_and_as_two(photographs, tmp_path, one):
    """macOS writes names in another form than most annotators."""
    other = {'\u00e4': 'a\u0308', 'a\u0308': '\u00e4'}[one]
    photographs.photograph(f'images/{one}.jpg')
    photographs.json('drawn/a.json', labelme(other))
    for name in NAMES[1:]:
        photographs.json(f'drawn/{name}.json', labelme(name, []))
    plan, _ = convert_own(read_labelme, photographs.root, tmp_path / 'out')
    np.testing.assert_array_equal(read_maps(tmp_path / 'out', plan, one)[0], EXPECTED)


def test_classes_and_ignored_regions(with_coco, tmp_path):
    plan, manifest = convert_own(
        read_coco,
        with_coco.root,
        tmp_path / 'out',
        classes=('Bright=hard exudate', 'ignored=Microaneurysms'),
    )
    assert manifest['classes'] == ['background', 'Bright']
    labels, _ = read_maps(tmp_path / 'out', plan, 'a')
    np.testing.assert_array_equal(labels, np.where(EXPECTED == 4, 255, EXPECTED))


def test_labels_that_are_passed_over(with_labelme):
    plan = read_labelme(open_source(with_labelme.root), Options(classes=('EX', 'SE')))
    assert plan.notes[0] == '1 label passed over: Microaneurysms'
    assert plan.warnings[0].startswith("no label 'SE' for SE (found: 'Hard Exudates',")


def test_a_label_that_is_used_needs_a_meaning(with_coco):
    with_coco.json('annotations.json', one_annotation(category_id=7))
    with pytest.raises(InputError, match="label 'software' is no lesion known here"):
        read_coco(open_source(with_coco.root), Options())


def test_photographs_that_are_not_there_or_not_listed(with_coco):
    (with_coco.root / 'images' / 'c.jpg').rename(with_coco.root / 'images' / 'e.jpg')
    plan = read_coco(open_source(with_coco.root), Options())
    assert plan.warnings == [
        '1 annotated photograph missing: c.jpg',
        '1 photograph without annotations, left out: e',
    ]


COCO_FAULTS = {
    'no category has its category_id 9': one_annotation(category_id=9),
    'no image has the image_id 99': one_annotation(image_id=99),
    "annotation 1: expected a number as 'image_id'": one_annotation(image_id=None),
    'has no segmentation, expected polygons or runs': one_annotation(segmentation=[]),
    'expected 3 or more points [x, y]': one_annotation(segmentation=[[1, 2, 3, 4]]),
    'shape 1 of images/a.jpg (Hard Exudates): expected 3 or more': one_annotation(
        segmentation=['a']
    ),
    'its runs are for [9, 9], expected (48, 64)': one_annotation(
        segmentation=dict(size=[9, 9], counts=[81])
    ),
    'its runs do not fill 64x48 pixels': one_annotation(
        segmentation=dict(size=[*SHAPE], counts='oops')
    ),
    'lies outside of the photograph': one_annotation(
        segmentation=[[100, 100, 110, 100, 110, 110]]
    ),
    "expected a list as 'categories'": coco(categories=None),
    "category 1: expected a text as 'name'": coco(categories=[dict(id=1)]),
    "image 1: expected a number as 'id'": coco(images=['a.jpg']),
    'image 2: another image has its id 10': coco(
        images=[dict(id=10, file_name='a.jpg'), dict(id=10, file_name='b.jpg')]
    ),
    'annotates images/a.jpg, as annotations.json does': coco(
        [], images=[dict(id=i, file_name='a.jpg') for i in (1, 2)]
    ),
    'none of the photographs is here (z.jpg)': coco(
        [], images=[dict(id=1, file_name='z.jpg')]
    ),
    'is annotated at 128x96 pixels, expected 64x48 as it has': coco(scale=2),
    'no COCO file found that lists photographs': coco([], images=[]),
    "category 2: 'EX' has its id 1 too": coco(
        categories=[dict(id=1, name='EX'), dict(id=1, name='MA')]
    ),
    "image 1: has the width '64' and the height 48, expected whole": coco(
        [], images=[dict(id=1, file_name='a.jpg', width='64', height=48)]
    ),
}


@pytest.mark.parametrize('message', COCO_FAULTS)
def test_faults_of_coco(photographs, tmp_path, message):
    photographs.json('annotations.json', COCO_FAULTS[message])
    check_fault(read_coco, photographs, tmp_path, message)


LABELME_FAULTS = {
    'is a point, which has no area; expected polygon': one_shape(shape_type='point'),
    'shape 1 of images/a.jpg (EX): expected 3 or more': one_shape(points=[[1, 2]]),
    'expected 2 or more points': one_shape(points=None, shape_type='rectangle'),
    'is a rectangle of 3 points, expected two opposite corners or all': one_shape(
        points=SQUARE[:3], shape_type='rectangle'
    ),
    'is a rectangle of 5 points': one_shape(
        points=[*SQUARE, SQUARE[0]], shape_type='rectangle'
    ),
    'its mask is not in base64': one_shape(shape_type='mask', mask='?'),
    'mask cannot be decoded (not an image)': one_shape(shape_type='mask', mask='aaaa'),
    "shape 1: expected a text as 'label'": one_shape(label=3),
    "expected a list as 'shapes'": labelme(shapes={}),
    "expected a text as 'imagePath'": labelme(imagePath=None),
    'has a point that lies nowhere': one_shape(points=[[0, 0], [1, 1], [1e9, 0]]),
    'is annotated at 128x96 pixels': labelme(imageWidth=128.0, imageHeight=96.0),
    'has the imageWidth 63.5 and': labelme(imageWidth=63.5),
    'has the imageWidth None and': labelme(imageWidth=None),
    'has the imageWidth nan and': labelme(imageWidth=float('nan')),
}


@pytest.mark.parametrize('message', LABELME_FAULTS)
def test_faults_of_labelme(with_labelme, tmp_path, message):
    with_labelme.json('images/a.json', LABELME_FAULTS[message])
    check_fault(read_labelme, with_labelme, tmp_path, message)


def check_fault(read, folder, tmp_path, message):
    with pytest.raises(InputError) as caught:
        convert_own(read, folder.root, tmp_path / 'out', patient='(.)')
    assert message in str(caught.value)
    assert '\n' not in str(caught.value)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('data', [b'{', b'\xff\xfe\x00', b'[' * 100000])
def test_files_that_are_no_json(photographs, data):
    (photographs.root / 'a.json').write_bytes(data)
    for read in (read_coco, read_labelme):
        with pytest.raises(InputError, match=r'a\.json: not JSON'):
            read(open_source(photographs.root), Options())


def test_other_json_files_are_passed_over(with_coco, tmp_path):
    with_coco.json('package.json', dict(name='x'))
    with_coco.json('list.json', [1, 2])
    check(read_coco, with_coco, tmp_path / 'out')
    with pytest.raises(InputError, match='no LabelMe file found, expected a '):
        read_labelme(open_source(with_coco.root), Options())


def test_another_label_is_another_conversion(with_coco, tmp_path):
    convert_own(read_coco, with_coco.root, tmp_path / 'out')
    classes = 'EX=Microaneurysms', 'MA=Hard Exudates'
    with pytest.raises(InputError, match='masks were read in another way; choose'):
        convert_own(read_coco, with_coco.root, tmp_path / 'out', classes=classes)


def test_a_file_is_not_read_again_for_each_of_its_photographs(
    photographs, tmp_path, monkeypatch
):
    photographs.json('all.json', coco())
    source = open_source(photographs.root)
    plan = read_coco(source, Options())
    reads, read = [], source.read
    monkeypatch.setattr(source, 'read', lambda name: reads.append(name) or read(name))
    _, converted = convert(source, plan, tmp_path / 'out', jobs=1)
    _, again = convert(source, plan, tmp_path / 'out', jobs=1)
    assert (converted, again) == (4, None)
    assert {*reads} == {f'images/{name}.jpg' for name in NAMES}
