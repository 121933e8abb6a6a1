import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from hacdr.conversion import check_conversion, convert, open_source
from hacdr.conversion.ddr import read_ddr
from hacdr.conversion.splits import split_members
from hacdr.errors import InputError
from hacdr.preprocess.field_of_view import field_of_view

LESIONS = ['EX', 'HE', 'MA', 'SE']


def read(path):
    return read_ddr(open_source(path))


def found(plan):
    return {(r.name, r.subset): sorted(r.masks) for r in plan.records}


EXPECTED = {
    ('007-1774-100', 'train'): LESIONS,
    ('007-5625-300', 'train'): LESIONS,
    ('007-1789-100', 'train'): LESIONS,
    ('20170413102628830', 'train'): LESIONS,
    ('007-6219-300', 'test'): LESIONS,
    ('007-6325-400', 'test'): LESIONS,
}


def test_what_is_found(raw_ddr):
    plan = read(raw_ddr.root)
    assert found(plan) == EXPECTED
    assert plan.splits == dict(
        train=['007-1774-100', '007-5625-300'],
        val=['007-1789-100', '20170413102628830'],
        trainval=['007-1774-100', '007-1789-100', '007-5625-300', '20170413102628830'],
        test=['007-6219-300', '007-6325-400'],
    )


@pytest.mark.parametrize('part', ['.', '..', 'lesion_segmentation'])
def test_any_folder_of_the_download_will_do(raw_ddr, part):
    assert found(read(raw_ddr.root / part)) == EXPECTED


def test_valid_may_be_val_with_label(raw_ddr):
    valid = raw_ddr.root / 'lesion_segmentation' / 'valid'
    (valid / 'segmentation label').rename(valid / 'label')
    valid.rename(valid.with_name('val'))
    assert found(read(raw_ddr.root)) == EXPECTED


def test_percent_twenty_for_blanks(raw_ddr):
    folder = raw_ddr.mask('007-1789-100', 'EX', 'valid').parents[1]
    folder.rename(folder.with_name('segmentation%20label'))
    assert found(read(raw_ddr.root)) == EXPECTED


def test_names_with_blanks(raw_ddr, tmp_path):
    """As browsers name a second download."""
    for path in [*raw_ddr.root.rglob('007-1774-100.*')]:
        if path.suffix in ('.jpg', '.tif'):
            path.rename(path.with_name(f'007-1774-100 (1){path.suffix}'))
    source = open_source(raw_ddr.root)
    convert(source, read_ddr(source), tmp_path / 'DDR', jobs=1)
    assert check_conversion(tmp_path / 'DDR', jobs=1) == (6, [])
    names = [member.name for member in split_members(tmp_path / 'DDR', 'train')]
    assert names == ['007-1774-100 (1)', '007-5625-300']


@pytest.mark.parametrize('name', [' a', 'a\nb', 'a\x1b[2J'])
def test_names_that_no_list_can_hold(raw_ddr, tmp_path, name):
    photograph = raw_ddr.photograph('007-1774-100', 'train')
    shutil.copyfile(photograph, photograph.with_name(f'{name}.jpg'))
    mask = raw_ddr.mask('007-1774-100', 'EX', 'train')
    shutil.copyfile(mask, mask.with_name(f'{name}.tif'))
    source = open_source(raw_ddr.root)
    with pytest.raises(InputError, match=r'name of a photograph .* rename') as caught:
        convert(source, read_ddr(source), tmp_path / 'DDR', jobs=1)
    assert str(caught.value).isprintable()


def test_converts_right_to_the_pixel(raw_ddr, tmp_path):
    source = open_source(raw_ddr.root)
    manifest, _ = convert(source, read_ddr(source), tmp_path / 'DDR', jobs=1)
    sizes = {(image['width'], image['height']) for image in manifest['images']}
    assert len(sizes) == 6
    for image in manifest['images']:
        where = f'{image["subset"]}/{image["name"]}.png'
        bits = np.asarray(Image.open(tmp_path / 'DDR' / 'masks' / where))
        for k, lesion in enumerate(['EX', 'HE', 'SE', 'MA']):
            source_file = raw_ddr.root / image['lesions'][lesion]['source']
            drawn = np.asarray(Image.open(source_file).convert('RGB')).any(-1)
            np.testing.assert_array_equal(bits >> k & 1, drawn)
    totals = manifest['totals']['train']['lesions']
    assert all(totals[lesion]['mask_pixels'] > 0 for lesion in LESIONS)
    assert totals['SE']['masks'] == 4


def test_the_half_in_shadow_is_in_the_field_of_view(raw_ddr):
    photograph = raw_ddr.photograph('007-5625-300', 'train')
    inside = field_of_view(np.asarray(Image.open(photograph)))
    left, right = inside[:, :170], inside[:, 170:]
    assert left.sum() > 0.9 * right.sum()


def test_numbers_are_checked(raw_ddr):
    assert read(raw_ddr.root).warnings == [
        '2 photographs of train, the official set has 383 (381 missing)',
        '2 photographs of val, the official set has 149 (147 missing)',
        '2 photographs of test, the official set has 225 (223 missing)',
    ]


def test_missing_masks_are_listed(raw_ddr):
    raw_ddr.mask('007-1774-100', 'SE', 'train').unlink()
    assert read(raw_ddr.root).warnings[1] == (
        '1 SE masks of train missing, taken as no lesion: 007-1774-100'
    )


def test_photograph_without_any_mask(raw_ddr):
    for lesion in LESIONS:
        raw_ddr.mask('007-6219-300', lesion, 'test').unlink()
    with pytest.raises(InputError, match=r'007-6219-300\.jpg: photograph without any'):
        read(raw_ddr.root)


def test_mask_without_a_photograph(raw_ddr):
    raw_ddr.photograph('007-1789-100', 'valid').unlink()
    with pytest.raises(InputError, match=r'007-1789-100\.tif: mask without a photo'):
        read(raw_ddr.root)


def test_subset_that_is_missing(raw_ddr):
    shutil.rmtree(raw_ddr.root / 'lesion_segmentation' / 'valid')
    with pytest.raises(InputError, match=r'no photograph of val .*/valid/image/007-17'):
        read(raw_ddr.root)


@pytest.mark.parametrize('subset', ['train', 'valid', 'test'])
def test_folder_of_masks_that_is_missing(raw_ddr, subset):
    folder = raw_ddr.mask('x', 'SE', subset).parent
    shutil.rmtree(folder)
    with pytest.raises(InputError, match=f'no SE mask of .*{folder.parent.name}/SE'):
        read(raw_ddr.root)


def test_the_same_photograph_in_two_subsets(raw_ddr):
    name = '007-1774-100'
    shutil.copy(raw_ddr.photograph(name, 'train'), raw_ddr.photograph(name, 'test'))
    with pytest.raises(InputError, match='two photographs of one name'):
        read(raw_ddr.root)


def test_masks_in_both_folders(raw_ddr):
    path = raw_ddr.mask('007-1789-100', 'EX', 'valid')
    other = path.parents[2] / 'label' / 'EX' / path.name
    other.parent.mkdir(parents=True)
    shutil.copy(path, other)
    with pytest.raises(InputError, match='the same file twice'):
        read(raw_ddr.root)


def three_values():
    pixels = np.zeros((320, 320), np.uint8)
    pixels[1], pixels[2] = 128, 255
    return Image.fromarray(pixels)


BAD_MASKS = {
    'three values': (three_values(), 'TIFF', 'more than two values, expected black'),
    '16 bits': (Image.new('I;16', (320, 320)), 'TIFF', r'mode I;16, expected .* 8 bit'),
    'JPEG': (Image.new('L', (320, 320)), 'JPEG', 'mask is JPEG, whose edges are blur'),
    'another size': (Image.new('L', (320, 240)), 'TIFF', '320x240, expected 320x320'),
}


@pytest.mark.parametrize('kind', BAD_MASKS)
def test_bad_masks_leave_nothing(raw_ddr, tmp_path, kind):
    image, file_format, message = BAD_MASKS[kind]
    image.save(raw_ddr.mask('007-6325-400', 'MA', 'test'), file_format)
    source = open_source(raw_ddr.root)
    with pytest.raises(InputError, match=rf'400\.tif: .*{message}'):
        convert(source, read_ddr(source), tmp_path / 'out' / 'DDR', jobs=2)
    assert not list((tmp_path / 'out').iterdir())


def test_grey_photograph_leaves_nothing(raw_ddr, tmp_path):
    path = raw_ddr.photograph('007-6325-400', 'test')
    Image.open(path).convert('L').save(path)
    source = open_source(raw_ddr.root)
    with pytest.raises(InputError, match=r'400\.jpg: photograph has mode L, expected'):
        convert(source, read_ddr(source), tmp_path / 'out' / 'DDR', jobs=1)
    assert not list((tmp_path / 'out').iterdir())


def test_not_ddr(tmp_path):
    (tmp_path / 'holiday.jpg').write_bytes(b'')
    with pytest.raises(InputError, match="no photograph of train found; looked for '"):
        read(tmp_path)


def test_zip_in_parts(raw_ddr, tmp_path):
    whole = tmp_path / 'whole.zip'
    with zipfile.ZipFile(whole, 'w') as archive:
        for file in raw_ddr.root.rglob('*'):
            archive.write(file, file.relative_to(raw_ddr.root.parent))
    data, parts = whole.read_bytes(), tmp_path / 'parts'
    parts.mkdir()
    size = -(-len(data) // 10)
    for n in range(10):
        piece = data[n * size : (n + 1) * size]
        (parts / f'DDR-dataset.zip.{n + 1:03d}').write_bytes(piece)
    plan = read(parts)
    assert found(plan) == EXPECTED
    converted = []
    for index, path in enumerate((parts / 'DDR-dataset.zip.001', raw_ddr.root)):
        source, output = open_source(path), tmp_path / f'output{index}'
        manifest, _ = convert(source, read_ddr(source), output, jobs=2)
        converted.append(manifest['images'])
        for image in manifest['images']:
            image['photograph'].pop('source')
            for count in image['lesions'].values():
                count.pop('source')
    assert converted[0] == converted[1]
