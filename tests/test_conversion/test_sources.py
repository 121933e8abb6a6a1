import errno
import os
import pickle
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from hacdr.conversion import sources
from hacdr.conversion.sources import open_source
from hacdr.errors import InputError


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / 'download.zip'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('A. Segmentation/', '')
        file.writestr('A. Segmentation/one.txt', b'1' * 1000)
        file.writestr('A. Segmentation\\two.txt', b'2')
    return path


def test_folder_and_zip_look_alike(archive, tmp_path):
    folder = tmp_path / 'folder'
    with zipfile.ZipFile(archive) as file:
        file.extract('A. Segmentation/one.txt', folder)
    (folder / 'A. Segmentation' / 'two.txt').write_bytes(b'2')
    for path in (folder, archive):
        source = open_source(path)
        assert source.names() == ['A. Segmentation/one.txt', 'A. Segmentation/two.txt']
        assert source.read('A. Segmentation/two.txt') == b'2'


def test_a_zip_is_read_in_another_process_too(archive):
    source = open_source(archive)
    source.read('A. Segmentation/one.txt')
    copy = pickle.loads(pickle.dumps(source))
    assert copy.read('A. Segmentation/one.txt') == b'1' * 1000


def test_a_link_to_a_folder_above_is_not_walked_for_ever(tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    (tmp_path / 'loop').symlink_to(tmp_path, target_is_directory=True)
    assert open_source(tmp_path).names() == ['file']


def test_missing(tmp_path):
    with pytest.raises(InputError, match='no such folder or zip file'):
        open_source(tmp_path / 'absent')


def test_empty_folder(tmp_path):
    with pytest.raises(InputError, match='is empty'):
        open_source(tmp_path)


def test_a_zip_that_was_cut_off(archive):
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(InputError, match=r'download\.zip: not a complete zip file'):
        open_source(archive)


def test_a_damaged_member(archive):
    data = archive.read_bytes()
    # Within the compressed bytes of the first file.
    start = data.index(b'one.txt') + len(b'one.txt')
    archive.write_bytes(data[: start + 2] + b'\xff\xff' + data[start + 4 :])
    with pytest.raises(InputError, match=r'one\.txt: cannot be unpacked'):
        open_source(archive).read('A. Segmentation/one.txt')


def test_a_zip_with_a_password(archive):
    data = bytearray(archive.read_bytes())
    # Bit 0 of the flags in the local header and in the directory.
    data[data.index(b'PK\3\4', 30) + 6] |= 1
    data[data.index(b'PK\1\2', data.index(b'PK\1\2') + 1) + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r'one\.txt: needs a password; unpack the zip'):
        open_source(archive).read('A. Segmentation/one.txt')


@pytest.mark.parametrize('name', ['../x.jpg', 'a/../../x', '/etc/x', '..\\x', 'C:\\x'])
def test_members_outside_of_the_zip_are_refused(tmp_path, name):
    path = tmp_path / 'evil.zip'
    with zipfile.ZipFile(path, 'w') as file:
        file.writestr(name, b'')
    with pytest.raises(InputError, match='points outside of the zip'):
        open_source(path)


def test_a_huge_member_is_refused_before_it_is_unpacked(archive, monkeypatch):
    monkeypatch.setattr(sources, 'LARGEST_FILE', 999)
    with pytest.raises(InputError, match='has 1000 bytes, expected at most 999'):
        open_source(archive).read('A. Segmentation/one.txt')


def test_a_huge_file_is_refused_before_it_is_read(tmp_path):
    with open(tmp_path / 'huge.jpg', 'wb') as file:
        file.truncate(sources.LARGEST_FILE + 1)
    with pytest.raises(InputError, match=r'huge\.jpg: has 536870913 bytes, expected'):
        open_source(tmp_path).read('huge.jpg')


def test_a_member_that_lies_about_its_size_takes_no_more_memory(tmp_path):
    path = tmp_path / 'bomb.zip'
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('a.png', bytes(2**25))
    # The size in the directory, which is what zipfile believes.
    data = bytearray(path.read_bytes())
    at = data.index(b'PK\1\2') + 24
    data[at : at + 4] = (1000).to_bytes(4, 'little')
    path.write_bytes(data)
    source = open_source(path)
    tracemalloc.start()
    with pytest.raises(InputError, match=r'a\.png: cannot be unpacked \(Bad CRC-32'):
        source.read('a.png')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize('packing', ['bzip2', 'lzma'])
def test_a_packing_that_cannot_be_stopped_is_refused(tmp_path, packing):
    path = tmp_path / 'bomb.zip'
    method = {'bzip2': zipfile.ZIP_BZIP2, 'lzma': zipfile.ZIP_LZMA}[packing]
    with zipfile.ZipFile(path, 'w', method) as file:
        file.writestr('a.png', bytes(2**20))
    with pytest.raises(InputError, match=f'packed by {packing}, expected deflate'):
        open_source(path).read('a.png')


def test_a_named_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / 'pipe.jpg')
    with pytest.raises(InputError, match=r'pipe\.jpg: is not a file'):
        open_source(tmp_path).read('pipe.jpg')


HIDDEN = ['.a.jpg', '._a.jpg', '.Trash/a.jpg', 'x/.git/a.jpg', '__MACOSX/x/._a.jpg']


@pytest.mark.parametrize('packed', [False, True], ids=['folder', 'zip'])
def test_hidden_files_are_not_listed(tmp_path, packed):
    root = tmp_path / 'download'
    for name in (*HIDDEN, 'A. x/a.jpg'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b'')
    if packed:
        root = Path(shutil.make_archive(str(root), 'zip', root))
    assert open_source(root).names() == ['A. x/a.jpg']


def test_a_folder_that_is_closed_is_not_taken_for_empty(tmp_path, monkeypatch):
    """Its masks would be missing, and their photographs healthy."""
    for name in ('images/a.jpg', 'MA/a.png'):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith('MA'):
            raise PermissionError(errno.EACCES, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    with pytest.raises(InputError, match=r'MA: folder cannot be read \(Permission'):
        open_source(tmp_path)
