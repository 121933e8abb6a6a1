import errno
import hashlib
import io
import json
import os
import re
import shutil
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from hacdr.conversion import building, convert, layout, open_source
from hacdr.conversion.idrid import read_idrid
from hacdr.errors import InputError

ADDED = '.DS_Store', '._IDRiD_01.jpg', 'Thumbs.db', 'desktop.ini'


def run(path, output, jobs=1, **options):
    source = open_source(path)
    return convert(source, read_idrid(source), output, jobs=jobs, **options)


def pixels(path):
    return np.asarray(Image.open(path))


def nothing_left(output):
    return not output.exists() and not list(output.parent.glob(f'.{output.name}*'))


@pytest.fixture
def output(tmp_path):
    return tmp_path / 'data' / 'IDRiD'


def test_layout(raw, output):
    manifest, written = run(raw.root, output)
    assert written
    assert layout.present_files(output) == layout.expected_files(manifest)
    assert (output / 'splits' / 'trainval.txt').read_text() == (
        'IDRiD_01\nIDRiD_02\nIDRiD_05\n'
    )
    copied = output / 'images' / 'train' / 'IDRiD_01.jpg'
    assert copied.read_bytes() == raw.photograph(1).read_bytes()
    assert not list(output.parent.glob('.*'))


def test_label_map_and_bit_map(raw, output):
    run(raw.root, output)
    label = Image.open(output / 'labels' / 'train' / 'IDRiD_01.png')
    assert label.mode == 'P'
    black, red, blue, green, yellow = np.reshape(label.getpalette()[:15], (5, 3))
    assert not black.any()
    assert red.tolist() == [255, 0, 0]
    assert blue.tolist() == [0, 0, 255]
    assert green.tolist() == [0, 255, 0]
    assert yellow.tolist() == [255, 255, 0]
    values = np.asarray(label)
    bits = pixels(output / 'masks' / 'train' / 'IDRiD_01.png')
    assert values.dtype == bits.dtype == np.uint8
    # EX at 2..11, HE over it at 8..17, MA over both at 9..10.
    assert values[7, 7] == 1
    assert values[8, 8] == 2
    assert values[9, 9] == 4
    assert bits[9, 9] == 0b1011
    assert (bits & 1).sum() == 100
    assert not pixels(output / 'labels' / 'train' / 'IDRiD_02.png')[40:].any()


def test_mask_with_alpha_255_everywhere(raw, output):
    run(raw.root, output)
    label = pixels(output / 'labels' / 'test' / 'IDRiD_81.png')
    assert (label == 1).sum() == 16
    assert label.sum() == 16


def test_manifest(raw, output):
    manifest, _ = run(raw.root, output)
    assert json.loads((output / 'manifest.json').read_text()) == manifest
    first = manifest['images'][0]
    assert (first['width'], first['height']) == (64, 48)
    digest = hashlib.sha256(raw.photograph(1).read_bytes()).hexdigest()
    assert first['photograph']['sha256'] == digest
    counts = first['lesions']
    assert counts['EX']['mask_pixels'] == 100
    assert counts['EX']['label_pixels'] == 100 - 16
    assert counts['HE']['components'] == 1
    assert counts['SE']['source'] is None
    assert first['overlaps']['EX&HE'] == 16
    label = output / 'labels' / 'train' / 'IDRiD_01.png'
    assert first['label_sha256'] == hashlib.sha256(label.read_bytes()).hexdigest()
    total = manifest['totals']['train']
    assert total['photographs'] == 3
    assert total['lesions']['EX']['masks'] == 2
    assert total['lesions']['EX']['mask_pixels'] == 109
    assert total['background_pixels'] == 3 * 64 * 48 - (84 + 96 + 4) - (9 + 25) - 4


def test_a_haemorrhage_over_much_of_the_picture_is_real(raw, output):
    mask = np.zeros((48, 64), bool)
    mask[10:30, 10:40] = True
    raw.add(17, HE=mask)
    manifest, _ = run(raw.root, output)
    (image,) = [i for i in manifest['images'] if i['name'] == 'IDRiD_17']
    assert image['lesions']['HE']['label_pixels'] == 600 > 0.15 * mask.size


def test_reduced(raw, output):
    manifest, _ = run(raw.root, output, max_side=16)
    assert manifest['max_side'] == 16
    first = manifest['images'][0]
    assert (first['width'], first['height']) == (16, 12)
    assert (first['original_width'], first['original_height']) == (64, 48)
    # MA of 2x2 pixels in the large one, a quarter of one pixel in the small one.
    assert first['lesions']['MA']['kept_as_one_pixel'] == 1
    assert manifest['totals']['train']['lesions']['MA']['kept_as_one_pixel'] == 2
    assert (pixels(output / 'labels' / 'train' / 'IDRiD_01.png') == 4).sum() == 1
    photograph = Image.open(output / 'images' / 'train' / 'IDRiD_01.jpg')
    assert photograph.size == (16, 12)
    tables = photograph.quantization
    best = io.BytesIO()
    Image.new('RGB', (16, 16)).save(best, 'JPEG', quality=95)
    assert tables == Image.open(best).quantization
    assert run(raw.root, output, max_side=16)[1] is None


def test_lesions_that_run_together_in_the_copy_are_counted(raw, output):
    mask = np.zeros((48, 64), bool)
    mask[8:12, 8:11] = mask[8:12, 12:16] = mask[40:44, 40:44] = True
    raw.add(2, SE=mask)
    manifest, _ = run(raw.root, output, max_side=16)
    image = manifest['images'][1]['lesions']
    assert (image['SE']['original_components'], image['SE']['components']) == (3, 2)
    assert (image['MA']['original_components'], image['MA']['components']) == (0, 0)
    total = manifest['totals']['train']['lesions']['SE']
    assert (total['original_components'], total['components']) == (3, 2)
    manifest, _ = run(raw.root, output, overwrite=True)
    image = manifest['images'][1]['lesions']
    assert (image['SE']['original_components'], image['SE']['components']) == (3, 3)


def test_what_is_small_enough_is_copied(raw, output):
    run(raw.root, output, max_side=64)
    copied = output / 'images' / 'train' / 'IDRiD_01.jpg'
    assert copied.read_bytes() == raw.photograph(1).read_bytes()


def test_processes_start_from_one_that_has_used_opencv(raw, output):
    # OpenCV's thread pool is not there in a forked process: a call that wants it
    # never returns.
    cv2.GaussianBlur(np.zeros((2000, 2000), np.float32), (0, 0), 5)
    assert run(raw.root, output, jobs=2, max_side=32)[1]


def test_processes_and_zip_give_the_same_files(raw, output, tmp_path):
    run(raw.root, output)
    path = tmp_path / 'download.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        for file in raw.root.rglob('*'):
            archive.write(file, file.relative_to(raw.root.parent))
    other = tmp_path / 'other'
    run(path, other, jobs=2)
    for file in sorted(layout.present_files(output) - {'manifest.json'}):
        assert (output / file).read_bytes() == (other / file).read_bytes()


def test_generated_photographs_convert(tmp_path, output):
    from hacdr.synthetic import generate_dataset

    generate_dataset(str(tmp_path / 'raw'), train=2, test=1, size=(360, 240), jobs=1)
    manifest, _ = run(tmp_path / 'raw', output)
    counts = {split: s['photographs'] for split, s in manifest['splits'].items()}
    assert counts == dict(train=2, val=0, trainval=2, test=1)
    lists = (output / 'splits' / 'train.txt').read_bytes()
    assert manifest['splits']['train']['sha256'] == hashlib.sha256(lists).hexdigest()
    assert manifest['totals']['train']['lesions']['EX']['mask_pixels'] > 0


def test_a_second_run_has_nothing_to_do(raw, output):
    first, _ = run(raw.root, output)
    before = os.stat(output / 'manifest.json').st_mtime_ns
    assert run(raw.root, output) == (first, None)
    assert os.stat(output / 'manifest.json').st_mtime_ns == before


def converted_again(output, before):
    """Names of the photographs whose label map is another file than before."""
    return {p.stem for p in (output / 'labels').rglob('*.png')} - {
        path.stem for path, inode in before.items() if path.stat().st_ino == inode
    }


def inodes(output):
    return {p: p.stat().st_ino for p in (output / 'labels').rglob('*.png')}


def test_only_what_changed_is_converted_again(raw, output):
    run(raw.root, output)
    before = inodes(output)
    shutil.copy(raw.mask(1, 'EX'), raw.mask(5, 'EX'))
    manifest, converted = run(raw.root, output)
    assert converted == 1
    assert converted_again(output, before) == {'IDRiD_05'}
    assert manifest['images'][2]['lesions']['EX']['mask_pixels'] == 100
    assert layout.read_manifest(output) == manifest
    assert layout.present_files(output) == layout.expected_files(manifest)
    assert [path.name for path in output.parent.iterdir()] == ['IDRiD']
    fresh = output.parent / 'fresh'
    run(raw.root, fresh)
    for file in layout.present_files(fresh) - {'manifest.json'}:
        assert (output / file).read_bytes() == (fresh / file).read_bytes()


@pytest.mark.parametrize('kind', ['images', 'labels', 'masks'])
@pytest.mark.parametrize('lost', [True, False], ids=['lost', 'damaged'])
def test_what_is_lost_or_damaged_is_converted_again(raw, output, kind, lost):
    manifest, _ = run(raw.root, output)
    path = next((output / kind / 'train').glob('IDRiD_01.*'))
    content = path.read_bytes()
    path.unlink() if lost else path.write_bytes(content[:-1] + b'?')
    assert run(raw.root, output) == (manifest, 1)
    assert path.read_bytes() == content


def test_a_lost_list_is_written_again(raw, output):
    run(raw.root, output)
    (output / 'splits' / 'val.txt').unlink()
    assert run(raw.root, output)[1] == 0
    assert (output / 'splits' / 'val.txt').read_text() == 'IDRiD_05\n'


def test_a_new_photograph_is_added(raw, output):
    run(raw.root, output)
    raw.add(7)
    manifest, converted = run(raw.root, output)
    assert converted == 1
    assert [i['name'][-2:] for i in manifest['images']] == [
        '01',
        '02',
        '05',
        '07',
        '81',
    ]


def test_a_photograph_is_not_dropped_unless_told(raw, output):
    run(raw.root, output)
    raw.photograph(5).unlink()
    with pytest.raises(InputError, match=r'1 photograph that .* \(IDRiD_05\).*--over'):
        run(raw.root, output)
    assert len(run(raw.root, output, overwrite=True)[0]['images']) == 3


def test_other_settings_are_told(raw, output):
    run(raw.root, output)
    with pytest.raises(InputError, match=r'with max_side None, not 32.*--overwrite'):
        run(raw.root, output, max_side=32)
    assert run(raw.root, output, overwrite=True, max_side=32)[0]['max_side'] == 32


def test_another_data_set_is_told(raw, output):
    run(raw.root, output)
    source = open_source(raw.root)
    plan = read_idrid(source)._replace(dataset='DDR')
    with pytest.raises(InputError, match='holds IDRiD and not DDR'):
        convert(source, plan, output)


def test_file_systems_without_links(raw, output, monkeypatch):
    def refuse(*args):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    run(raw.root, output)
    raw.mask(1, 'EX').unlink()
    monkeypatch.setattr(os, 'link', refuse)
    manifest, converted = run(raw.root, output)
    assert converted == 1
    assert layout.present_files(output) == layout.expected_files(manifest)


def test_a_conversion_by_another_version_is_told(raw, output, monkeypatch):
    run(raw.root, output)
    monkeypatch.setattr(layout, 'LAYOUT_VERSION', layout.LAYOUT_VERSION + 1)
    with pytest.raises(InputError, match='another version of hacdr'):
        run(raw.root, output)


def test_overwriting_converts_anew(raw, output):
    run(raw.root, output)
    label = output / 'labels' / 'train' / 'IDRiD_01.png'
    before = label.read_bytes()
    label.write_bytes(b'damaged')
    assert run(raw.root, output, overwrite=True)[1]
    assert label.read_bytes() == before


@pytest.mark.parametrize('overwrite', [True, False])
@pytest.mark.parametrize('name', ['notes.txt', '.gitignore', '.git/config'])
def test_what_others_wrote_is_spared(raw, output, name, overwrite):
    run(raw.root, output)
    (output / name).parent.mkdir(exist_ok=True)
    (output / name).write_text('precious')
    raw.mask(5, 'MA').unlink()
    with pytest.raises(InputError, match=rf'1 files that .* \({re.escape(name)}\)'):
        run(raw.root, output, overwrite=overwrite)
    assert (output / name).read_text() == 'precious'


@pytest.mark.parametrize('name', ADDED)
def test_what_systems_add_is_in_nobodys_way(raw, output, name):
    output.mkdir(parents=True)
    (output / name).write_bytes(b'')
    run(raw.root, output)
    (output / 'images' / 'train' / name).write_bytes(b'')
    raw.mask(5, 'MA').unlink()
    manifest, changed = run(raw.root, output)
    assert changed == 1
    assert layout.present_files(output) == layout.expected_files(manifest)


def test_a_folder_of_something_else_is_never_touched(raw, tmp_path):
    (tmp_path / 'thesis.tex').write_text('precious')
    with pytest.raises(InputError, match='exists and is not a converted data set'):
        run(raw.root, tmp_path, overwrite=True)


def test_an_empty_folder_may_stand_there(raw, output):
    output.mkdir(parents=True)
    assert run(raw.root, output)[1]


@pytest.mark.parametrize('jobs', [1, 2])
def test_a_photograph_that_is_cut_off_leaves_nothing(raw, output, jobs):
    path = raw.photograph(2)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r'IDRiD_02\.jpg: photograph cannot be dec'):
        run(raw.root, output, jobs)
    assert nothing_left(output)


def test_a_failed_overwrite_keeps_the_old_set(raw, output):
    run(raw.root, output)
    before = layout.read_manifest(output)
    raw.mask(1, 'EX').write_bytes(b'broken')
    with pytest.raises(InputError, match=r'IDRiD_01_EX\.tif: mask cannot be decoded'):
        run(raw.root, output, overwrite=True)
    assert layout.read_manifest(output) == before
    assert layout.present_files(output) == layout.expected_files(before)


def test_a_mask_of_another_size_is_named(raw, output):
    Image.new('1', (64, 47)).save(raw.mask(1, 'HE'))
    with pytest.raises(InputError, match=r'IDRiD_01_HE\.tif: mask is 64x47, expected'):
        run(raw.root, output)
    assert nothing_left(output)


def test_ctrl_c_leaves_nothing(raw, output, monkeypatch):
    def interrupted(manifest):
        raise KeyboardInterrupt

    monkeypatch.setattr(layout, 'encode_manifest', interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(raw.root, output)
    assert nothing_left(output)


def test_ctrl_c_between_the_renames_keeps_the_old_set(raw, output, monkeypatch):
    run(raw.root, output)
    raw.mask(1, 'EX').unlink()
    rename, calls = os.rename, []

    def interrupted(source, target):
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(os, 'rename', interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(raw.root, output, overwrite=True)
    assert len(layout.read_manifest(output)['images']) == 4
    assert not list(output.parent.glob('.*'))


def test_what_a_killed_run_left_is_removed(raw, output):
    left = output.parent / '.IDRiD.converting.12345678'
    old, other = left.with_name(left.name + '.old'), output.parent / '.IDRiD.original'
    for folder in (left, old, other):
        (folder / 'images').mkdir(parents=True)
    run(raw.root, output)
    # The earlier set itself stays until there is another one.
    assert {*output.parent.iterdir()} == {output, old, other}
    run(raw.root, output, overwrite=True)
    assert {*output.parent.iterdir()} == {output, other}


def test_what_a_living_run_writes_stays(output):
    with building.new_folder(output) as first:
        (first / 'a').write_text('first')
        with building.new_folder(output) as second:
            assert (first / 'a').read_text() == 'first'
            (second / 'a').write_text('second')
        assert (output / 'a').read_text() == 'second'
        assert first.exists()
    assert (output / 'a').read_text() == 'first'
    assert [*output.parent.iterdir()] == [output]


def test_a_target_that_cannot_be_created(raw, tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be created'):
        run(raw.root, tmp_path / 'file' / 'IDRiD')


def test_read_only_target(raw, output, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(building.tempfile, 'mkdtemp', refuse)
    with pytest.raises(InputError, match=r'cannot be created \(Read-only file'):
        run(raw.root, output)


def test_disk_full(raw, output, monkeypatch):
    def full(path, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(building, 'add_file', full)
    with pytest.raises(InputError, match=r'No space left .*free some space'):
        run(raw.root, output)
    assert nothing_left(output)


def test_numbers_must_be_positive(raw, output):
    with pytest.raises(InputError, match='jobs is 0, expected 1 or more'):
        run(raw.root, output, jobs=0)
    with pytest.raises(InputError, match='max_side is 0, expected 1 or more'):
        run(raw.root, output, max_side=0)
    assert nothing_left(output)


def test_the_umask_decides_who_may_read(raw, output):
    before = os.umask(0o022)
    try:
        run(raw.root, output)
    finally:
        os.umask(before)
    assert output.stat().st_mode & 0o777 == 0o755


def test_a_linked_target_stays_a_link(raw, tmp_path, output):
    (tmp_path / 'big_disk').mkdir()
    output.parent.mkdir()
    output.symlink_to(tmp_path / 'big_disk', target_is_directory=True)
    run(raw.root, output)
    assert output.is_symlink()
    assert (output / 'manifest.json').is_file()
