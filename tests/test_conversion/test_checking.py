import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from hacdr.conversion import (
    check_conversion,
    convert,
    layout,
    open_source,
    read_idrid,
)
from hacdr.errors import InputError
from hacdr.images import encode_map

LABEL = 'labels/train/IDRiD_01.png'
MASK = 'masks/train/IDRiD_01.png'
PHOTOGRAPH = 'images/train/IDRiD_01.jpg'


@pytest.fixture
def output(raw, tmp_path):
    source = open_source(raw.root)
    convert(source, read_idrid(source), tmp_path / 'IDRiD', jobs=1)
    return tmp_path / 'IDRiD'


def problems(output):
    return check_conversion(output, jobs=1)[1]


def change_label(output, change):
    """With the sha256 of the manifest put right: something else must notice."""
    values = np.array(Image.open(output / LABEL))
    change(values)
    data = encode_map(values, layout.label_palette())
    (output / LABEL).write_bytes(data)
    change_manifest(output, lambda m: m['images'][0].update(label_sha256=digest(data)))


def change_manifest(output, change):
    manifest = layout.read_manifest(output)
    change(manifest)
    (output / 'manifest.json').write_text(json.dumps(manifest))


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_no_problem(output):
    assert check_conversion(output, jobs=1) == (4, [])
    assert check_conversion(output, jobs=2) == (4, [])


@pytest.mark.parametrize('name', ['.DS_Store', 'Thumbs.db', 'Desktop.ini', '.git/x'])
def test_hidden_files_are_passed_over(output, name):
    path = output / 'images' / 'train' / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'')
    assert problems(output) == []


def test_reduced_and_ignored(raw, tmp_path):
    source = open_source(raw.root)
    plan = read_idrid(source)._replace(read_masks=with_ignored)
    manifest, _ = convert(source, plan, tmp_path / 'x', jobs=1, max_side=32)
    assert manifest['totals']['train']['ignored_pixels'] > 0
    assert problems(tmp_path / 'x') == []


def with_ignored(files, record, size):
    mask = np.zeros(size[::-1], np.uint8)
    mask[5:9], mask[10:30] = 1, 255
    return dict.fromkeys(record.masks, mask)


@pytest.mark.parametrize('path', [LABEL, MASK, PHOTOGRAPH, 'splits/val.txt'])
def test_a_file_is_missing(output, path):
    (output / path).unlink()
    (problem,) = problems(output)
    assert problem.startswith(f'{path}: cannot be ')


@pytest.mark.parametrize('path', [LABEL, MASK, PHOTOGRAPH])
def test_a_file_cannot_be_opened(output, path):
    data = (output / path).read_bytes()
    (output / path).write_bytes(data[: len(data) // 2])
    (problem,) = problems(output)
    assert problem.startswith(f'{path}: image cannot be decoded (')


@pytest.mark.parametrize('path', [LABEL, MASK, PHOTOGRAPH])
def test_other_bytes(output, path):
    (output / path).write_bytes((output / path).read_bytes() + b'\0')
    assert problems(output) == [f'{path}: sha256 is not the one in manifest.json']


def test_another_size(output):
    Image.open(output / PHOTOGRAPH).resize((32, 24)).save(output / PHOTOGRAPH)
    assert problems(output) == [
        f'{PHOTOGRAPH}: sha256 is not the one in manifest.json',
        f'{PHOTOGRAPH}: is (32, 24), expected (64, 48)',
    ]


def test_a_value_that_is_no_label(output):
    change_label(output, lambda values: values.__setitem__((40, 40), 5))
    assert problems(output) == [f'{LABEL}: has the value 5, expected 0 to 4 or 255']


@pytest.mark.parametrize(
    ('mode', 'found'),
    [
        ('1', 'bool (48, 64)'),
        ('I;16', 'uint16 (48, 64)'),
        ('RGB', 'uint8 (48, 64, 3)'),
    ],
)
@pytest.mark.parametrize('path', [LABEL, MASK])
def test_a_map_saved_in_another_mode(output, path, mode, found):
    values = np.array(Image.open(output / path))
    if mode == 'I;16':
        Image.fromarray(values.astype(np.uint16)).save(output / path)
    else:
        Image.fromarray(values).convert(mode).save(output / path)
    key = {LABEL: 'label_sha256', MASK: 'mask_sha256'}[path]
    sha256 = digest((output / path).read_bytes())
    change_manifest(output, lambda m: m['images'][0].update({key: sha256}))
    assert problems(output) == [f'{path}: is {found}, expected 8 bits, one channel']


def test_a_label_map_that_contradicts_its_bit_map(output):
    change_label(output, lambda values: values.__setitem__((40, 40), 1))
    assert problems(output) == [f'{LABEL}: is not what its bit map says']


@pytest.mark.parametrize('key', ['mask_pixels', 'label_pixels', 'components'])
def test_other_counts(output, key):
    def change(manifest):
        manifest['images'][0]['lesions']['EX'][key] += 1

    change_manifest(output, change)
    assert [problem.split(': ')[1][:6] for problem in problems(output)] == [
        'EX has',
        'totals',
    ]


def test_other_overlaps(output):
    def change(manifest):
        manifest['images'][0]['overlaps']['EX&HE'] += 1

    change_manifest(output, change)
    assert problems(output) == [
        f'{MASK}: overlaps are not those in manifest.json',
        'manifest.json: totals are not the sum of its images',
    ]


def test_another_list(output):
    path = 'splits/val.txt'
    (output / path).write_text('IDRiD_05\n\n')
    assert problems(output) == [f'{path}: sha256 is not the one in manifest.json']


@pytest.mark.parametrize(
    ('split', 'names', 'expected'),
    [
        ('train', '01', 'train.txt: lists 1 photograph, not 2'),
        ('train', '01 02 02', 'train.txt: lists 02 more than once'),
        ('train', '01 99', 'train.txt: lists 99, which is not there'),
        (
            'train',
            '01 81',
            'train.txt: lists 81, which is of test, expected only photographs of train',
        ),
        (
            'test',
            '05',
            'test.txt: lists 05, which is of train, expected only photographs of test',
        ),
        ('val', '01', 'val.txt: lists 01, which train lists, too'),
        ('val', '01', 'trainval.txt: is not train and val, differs in 05'),
        ('trainval', '01 05', 'trainval.txt: is not train and val, differs in 02'),
    ],
)
def test_lists(output, split, names, expected):
    """With the sha256 of the manifest put right: something else must notice."""
    data = ''.join(f'IDRiD_{name}\n' for name in names.split()).encode()
    (output / 'splits' / f'{split}.txt').write_bytes(data)
    change_manifest(output, lambda m: m['splits'][split].update(sha256=digest(data)))
    found = [problem.replace('IDRiD_', '') for problem in problems(output)]
    assert f'splits/{expected}' in found


@pytest.mark.parametrize('encode', ['utf-8-sig', 'utf-16'])
def test_lists_that_an_editor_wrote(output, encode):
    data = 'IDRiD_01\r\nIDRiD_02\r\n\r\n'.encode(encode)
    (output / 'splits' / 'train.txt').write_bytes(data)
    change_manifest(output, lambda m: m['splits']['train'].update(sha256=digest(data)))
    assert problems(output) == []


def test_a_list_that_is_no_text(output):
    (output / 'splits' / 'val.txt').write_bytes(b'\xff\x00\xff')
    assert problems(output) == [
        'splits/val.txt: not a list of names, expected text in UTF-8'
    ]


def test_a_file_of_somebody_else(output):
    (output / 'labels' / 'train' / 'IDRiD_77.png').write_bytes(b'')
    assert problems(output) == [
        'labels/train/IDRiD_77.png: not a file of the conversion'
    ]


def test_no_conversion(output, tmp_path):
    with pytest.raises(InputError, match=r'it has no manifest\.json'):
        check_conversion(tmp_path)
    change_manifest(output, lambda m: m.update(layout=1))
    with pytest.raises(InputError, match='converted by another version'):
        check_conversion(output)
