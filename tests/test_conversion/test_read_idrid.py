import shutil
import zipfile

import numpy as np
import pytest

from hacdr.conversion import idrid, open_source
from hacdr.conversion.idrid import read_idrid
from hacdr.errors import InputError


def read(path):
    return read_idrid(open_source(path))


def found(plan):
    return {(r.name, r.subset): sorted(r.masks) for r in plan.records}


EXPECTED = {
    ('IDRiD_01', 'train'): ['EX', 'HE', 'MA'],
    ('IDRiD_02', 'train'): ['EX', 'SE'],
    ('IDRiD_05', 'train'): ['MA'],
    ('IDRiD_81', 'test'): ['EX'],
}


def test_what_is_found(raw):
    plan = read(raw.root)
    assert found(plan) == EXPECTED
    assert plan.splits == dict(
        train=['IDRiD_01', 'IDRiD_02'],
        val=['IDRiD_05'],
        trainval=['IDRiD_01', 'IDRiD_02', 'IDRiD_05'],
        test=['IDRiD_81'],
    )


def test_held_out_photographs_are_the_fixed_list():
    drawn = np.random.default_rng(0).permutation(54)[:10] + 1
    assert tuple(sorted(drawn)) == idrid.VALIDATION


def test_further_up_and_doubled(raw, tmp_path):
    doubled = tmp_path / 'doubled' / 'A. Segmentation' / 'A. Segmentation'
    doubled.parent.mkdir(parents=True)
    shutil.move(str(raw.root), str(doubled))
    assert found(read(tmp_path)) == EXPECTED


def test_percent_twenty_for_blanks_and_other_case(raw):
    for path in sorted(raw.root.rglob('*'), reverse=True):
        path.rename(path.with_name(path.name.replace(' ', '%20').upper()))
    assert found(read(raw.root)) == EXPECTED


def test_zip(raw, tmp_path):
    path = tmp_path / 'A. Segmentation.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        for file in raw.root.rglob('*'):
            archive.write(file, file.relative_to(raw.root.parent))
        archive.writestr('__MACOSX/A. Segmentation/._x', b'')
    assert found(read(path)) == EXPECTED


def test_other_parts_and_stray_files_are_passed_over(raw):
    for part in ('B. Disease Grading', 'C. Localization'):
        path = raw.root.parent / part / '1. Original Images' / 'a. Training Set'
        path.mkdir(parents=True)
        (path / 'IDRiD_001.jpg').write_bytes(b'')
    (raw.photograph(1).parent / 'Thumbs.db').write_bytes(b'')
    (raw.photograph(1).parent / '._IDRiD_01.jpg').write_bytes(b'')
    assert found(read(raw.root.parent)) == EXPECTED


def test_missing_photographs_are_listed_in_ranges(raw):
    (warning,) = read(raw.root).warnings
    assert warning == (
        'photographs missing from the official set: train 3-4, 6-54; test 55-80'
    )


def test_masks_of_a_missing_photograph_are_told(raw):
    raw.photograph(1).unlink()
    (warning,) = read(raw.root).warnings
    assert 'train 1, 3-4' in warning
    assert warning.endswith('(their 3 masks are left out)')


def test_missing_masks_of_the_official_set_are_listed(raw, monkeypatch):
    # Generated photographs have lesions of their own, hence the size.
    assert len(read(raw.root).warnings) == 1
    monkeypatch.setattr(idrid, 'OFFICIAL_SIZE', (64, 48))
    warnings = read(raw.root).warnings[1:]
    assert [warning[:2] for warning in warnings] == ['EX', 'HE', 'MA']
    assert warnings[1].endswith('taken as no lesion: 2, 5, 81')


def test_official_masks_are_as_many_as_published():
    train = {lesion: w & {*range(1, 55)} for lesion, w in idrid.WITH_MASK.items()}
    counts = {lesion: len(numbers) for lesion, numbers in train.items()}
    assert counts == {'EX': 54, 'HE': 53, 'SE': 26, 'MA': 54}


def test_not_idrid(tmp_path):
    (tmp_path / 'holiday.jpg').write_bytes(b'')
    with pytest.raises(InputError, match=r"looked for '1\. Original Images/a\."):
        read(tmp_path)


def test_no_mask_at_all(raw):
    shutil.rmtree(raw.mask(1, 'EX').parents[2])
    with pytest.raises(InputError, match='no mask of IDRiD found; looked for'):
        read(raw.root)


def test_mask_without_a_photograph(raw):
    shutil.copy(raw.mask(1, 'EX'), raw.mask(99, 'EX'))
    with pytest.raises(InputError, match=r'IDRiD_99_EX\.tif: mask without a photog'):
        read(raw.root)


def test_mask_in_the_other_subset(raw):
    path = raw.mask(81, 'EX')
    shutil.copy(raw.mask(1, 'EX'), path)
    with pytest.raises(InputError, match=r'IDRiD_81_EX\.tif: mask in the train set'):
        read(raw.root)


def test_mask_in_the_folder_of_another_lesion(raw):
    path = raw.mask(1, 'SE').with_name('IDRiD_01_MA.tif')
    shutil.copy(raw.mask(1, 'MA'), path)
    with pytest.raises(InputError, match=r'IDRiD_01_MA\.tif: file name not underst'):
        read(raw.root)


def test_duplicate_photographs(raw):
    path = raw.photograph(1)
    shutil.copy(path, path.with_name('idrid_01.JPG'))
    with pytest.raises(InputError, match=r'the same file twice.*keep one'):
        read(raw.root)


def test_the_same_photograph_in_both_subsets(raw):
    shutil.copy(raw.photograph(1), raw.photograph(1, 'test'))
    with pytest.raises(InputError, match='the same file twice'):
        read(raw.root)


def test_a_copy_under_another_name(raw):
    path = raw.photograph(1)
    shutil.copy(path, path.with_name('IDRiD_01 (1).jpg'))
    with pytest.raises(InputError, match=r'not understood, expected .* IDRiD_01\.jpg'):
        read(raw.root)
