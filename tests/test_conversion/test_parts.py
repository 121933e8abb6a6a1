import pickle
import zipfile

import numpy as np
import pytest

from hacdr.conversion import open_source, parts
from hacdr.errors import InputError

NAME = 'DDR-dataset.zip'


@pytest.fixture
def content():
    """One file that cannot be packed and one that can."""
    noise = np.random.default_rng(0).bytes(300_000)
    return {'noise': noise, 'zeros': bytes(5_000_000), 'folder/last': b'last'}


@pytest.fixture
def folder(content, tmp_path):
    """Ten parts."""
    whole = tmp_path / 'whole.zip'
    with zipfile.ZipFile(whole, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    data, folder = whole.read_bytes(), tmp_path / 'parts'
    folder.mkdir()
    size = -(-len(data) // 10)
    for n in range(10):
        piece = data[n * size : (n + 1) * size]
        (folder / f'{NAME}.{n + 1:03d}').write_bytes(piece)
    return folder


def pack(folder, method):
    for path in folder.iterdir():
        with zipfile.ZipFile(f'{path}.zip', 'w', method) as archive:
            archive.write(path, path.name)
        path.unlink()


def read_all(path):
    source = open_source(path)
    return {name: source.read(name) for name in reversed(source.names())}


def test_folder_and_any_part_stand_for_the_whole(folder, content):
    for path in (folder, folder / f'{NAME}.001', folder / f'{NAME}.010'):
        assert read_all(path) == content


@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize('checkpoint', [100, parts.CHECKPOINT])
def test_each_part_zipped_again(folder, content, method, checkpoint, monkeypatch):
    monkeypatch.setattr(parts, 'CHECKPOINT', checkpoint)
    monkeypatch.setattr(parts, 'CHUNK', 1000)
    pack(folder, method)
    assert read_all(folder) == content


def test_each_part_in_a_folder_of_its_name(folder, content):
    for path in sorted(folder.iterdir()):
        moved = path.with_name('moved')
        path.rename(moved)
        path.mkdir()
        moved.rename(path / path.name)
    assert read_all(folder) == content


@pytest.mark.parametrize('method', [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reading_and_seeking_as_in_one_file(folder, method, monkeypatch):
    monkeypatch.setattr(parts, 'CHECKPOINT', 3000)
    monkeypatch.setattr(parts, 'CHUNK', 1000)
    whole = b''.join(path.read_bytes() for path in sorted(folder.iterdir()))
    pack(folder, method)
    file = parts.open_parts(parts.find_parts(folder))
    rng = np.random.default_rng(0)
    for start, size in rng.integers(0, len(whole), (200, 2)).tolist():
        file.seek(start)
        assert file.read(size) == whole[start : start + size]
    assert file.seek(-5, 2) == len(whole) - 5
    assert file.read() == whole[-5:]
    assert file.read() == b''


def test_read_in_another_process_too(folder, content):
    source = open_source(folder)
    source.read('noise')
    assert pickle.loads(pickle.dumps(source)).read('noise') == content['noise']


def test_more_files_than_an_old_zip_can_hold(tmp_path):
    whole = tmp_path / 'whole.zip'
    with zipfile.ZipFile(whole, 'w') as archive:
        for n in range(2**16):
            archive.writestr(zipfile.ZipInfo(f'{n}'), b'')
        archive.writestr('last', b'last')
    data = whole.read_bytes()
    assert b'PK\6\7' in data[-200:]
    for n in range(2):
        half = data[: len(data) // 2] if n == 0 else data[len(data) // 2 :]
        (tmp_path / f'{NAME}.{n + 1:03d}').write_bytes(half)
    source = open_source(tmp_path / f'{NAME}.001')
    assert len(source.names()) == 2**16 + 1
    assert source.read('last') == b'last'


@pytest.mark.parametrize('number', [1, 4, 9])
def test_a_part_missing_of_ten(folder, number):
    (folder / f'{NAME}.{number:03d}').unlink()
    with pytest.raises(InputError, match=f'part {number:03d} of ddr.* is missing, exp'):
        open_source(folder)


def test_the_last_part_missing(folder):
    (folder / f'{NAME}.010').unlink()
    with pytest.raises(InputError, match=r'not a complete .* parts, found 001 to 009'):
        open_source(folder)


def test_the_last_part_cut_off(folder):
    path = folder / f'{NAME}.010'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r'not a complete zip'):
        open_source(folder)


def test_a_part_in_the_middle_cut_off(folder):
    path = folder / f'{NAME}.004'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r'zip\.004: has \d+ bytes, expected \d+ as '):
        open_source(folder)


def test_a_zipped_part_cut_off(folder):
    pack(folder, zipfile.ZIP_DEFLATED)
    path = folder / f'{NAME}.004.zip'
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=r'zip\.004\.zip: cannot be read'):
        open_source(folder)


def test_parts_of_two_zips(folder):
    (folder / 'other.zip.001').write_bytes(b'')
    with pytest.raises(InputError, match='parts of several zips'):
        open_source(folder)
    assert open_source(folder / f'{NAME}.001').names()


@pytest.fixture
def unpacked(folder):
    with zipfile.ZipFile(folder.parent / 'whole.zip') as archive:
        archive.extractall(folder / 'DDR-dataset')
    return folder


@pytest.mark.parametrize('number', [4, 10])
def test_unpacked_beside_parts_of_which_one_is_missing(unpacked, content, number):
    (unpacked / f'{NAME}.{number:03d}').unlink()
    read = read_all(unpacked)
    assert {name: read[f'DDR-dataset/{name}'] for name in content} == content


def test_unpacked_beside_all_parts(unpacked, content):
    assert read_all(unpacked) == content


def test_a_missing_part_and_a_folder_of_its_name_that_is_not_unpacked(folder):
    moved = folder / 'DDR-dataset'
    moved.mkdir()
    for path in folder.glob('*.zip.*'):
        path.rename(moved / path.name)
    (moved / f'{NAME}.004').unlink()
    for path in (folder, moved, moved / f'{NAME}.001'):
        with pytest.raises(InputError, match='part 004 of ddr'):
            open_source(path)
