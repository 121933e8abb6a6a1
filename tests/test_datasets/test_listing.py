"""Lists of photographs, whoever wrote them; label maps that do not fit."""

import numpy as np
import pytest
from PIL import Image

from hacdr.datasets.listing import list_images
from hacdr.errors import InputError

from .distributed import make_dataset, write_photographs

NAMES = ['a', 'b (1)', 'sub/c']
LISTS = {
    'plain': '\n'.join(NAMES).encode(),
    'windows': '\r\n'.join([*NAMES, '']).encode(),
    'bom': '\r\n'.join(NAMES).encode('utf-8-sig'),
    'utf-16': '\n'.join(NAMES).encode('utf-16'),
    'blank lines': '\n\n'.join([*NAMES, '  ', '']).encode(),
    'blanks around': ' \n '.join(NAMES).encode(),
    'with suffixes': '\n'.join(f'{name}.jpg' for name in NAMES).encode(),
    'as on the disk': b'./a.jpg\nb (1).JPG\nsub//c.jpg\n',
}


@pytest.fixture
def root(tmp_path):
    for file in ('a.jpg', 'b (1).JPG', 'sub/c.jpg', '._a.jpg', 'notes.txt', 'd.jpg'):
        path = tmp_path / 'images' / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for file in ('a.png', 'b (1).png', 'sub/c.PNG'):
        path = tmp_path / 'labels' / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def listed(root, **options):
    folders = dict(img_dir=str(root / 'images'), ann_dir=str(root / 'labels'))
    images = list_images(**{**folders, 'img_suffix': '.jpg', **options})
    return [(image['filename'], image['ann']['seg_map']) for image in images]


@pytest.mark.parametrize('content', LISTS.values(), ids=LISTS)
def test_lists(root, content):
    (root / 'list.txt').write_bytes(content)
    assert listed(root, split=str(root / 'list.txt')) == [
        ('a.jpg', 'a.png'),
        ('b (1).JPG', 'b (1).png'),
        ('sub/c.jpg', 'sub/c.PNG'),
    ]


def test_all_photographs_but_hidden_ones(root):
    (root / 'images' / 'd.jpg').unlink()
    names = [photograph for photograph, _ in listed(root)]
    assert names == ['a.jpg', 'b (1).JPG', 'sub/c.jpg']


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(img_dir='/gone'), '^/gone: no such folder$'),
        (dict(ann_dir='/gone'), '^/gone: no such folder$'),
        (dict(img_suffix='.png'), 'images: lists no photograph, expected some .png'),
        (dict(), r'labels/d\.png: label map of .*images is missing$'),
    ],
)
def test_what_is_missing(root, options, message):
    with pytest.raises(InputError, match=message):
        listed(root, **options)


def test_a_list_of_what_is_not_there(root):
    split = root / 'list.txt'
    split.write_text('a\nx\ny\n')
    message = r'images/x\.jpg: photograph of .*list\.txt is missing \(and 3 more files'
    with pytest.raises(InputError, match=message):
        listed(root, split=str(split))
    with pytest.raises(InputError, match=r'gone\.txt: no such file'):
        listed(root, split=str(root / 'gone.txt'))


def test_one_photograph_in_two_files(root):
    (root / 'images' / 'a.JPG').touch()
    with pytest.raises(InputError, match=r'a\.(jpg|JPG): there is a\.(jpg|JPG) too'):
        listed(root)


# What people take for a label map; the second photograph's is replaced by it.
LABELS = np.zeros((24, 32), np.uint8)
LABELS[2:6, 2:6] = 1
BAD_LABELS = {
    'another value': (
        np.where(LABELS, 5, 0),
        'label map with value 5, expected 0 to 4',
    ),
    'half the size': (LABELS[::2, ::2], r'height and width \(12, 16\), expected those'),
    'colours': (LABELS[..., None] * [255, 0, 0], 'one channel'),
}


@pytest.mark.parametrize('name', BAD_LABELS)
def test_a_label_map_that_does_not_fit_is_named(tmp_path, name):
    values, message = BAD_LABELS[name]
    write_photographs(tmp_path, 'ab')
    Image.fromarray(values.astype(np.uint8)).save(tmp_path / 'labels' / 'b.png')
    pipeline = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    dataset = make_dataset(tmp_path, pipeline=pipeline, test_mode=False)
    assert dataset[0]['gt_semantic_seg'].max() == 4
    with pytest.raises(InputError, match=rf'labels/b\.png: .*{message}'):
        dataset[1]


@pytest.mark.parametrize('high', [0, 255])
def test_masks_that_are_no_label_maps(tmp_path, high):
    write_photographs(tmp_path, 'ab')
    for name in 'ab':
        path = tmp_path / 'labels' / f'{name}.png'
        Image.fromarray((LABELS > 0).astype(np.uint8) * high).save(path)
    # Photographs of healthy eyes can be tested on.
    make_dataset(tmp_path)
    with pytest.raises(InputError, match=r'with the values 0.*none of 2 has a lesion'):
        make_dataset(tmp_path, pipeline=[], test_mode=False)


def test_a_set_whose_background_is_no_class(tmp_path):
    write_photographs(tmp_path, 'a')
    with pytest.raises(InputError, match='reduce_zero_label: the background is'):
        make_dataset(tmp_path, reduce_zero_label=True)
