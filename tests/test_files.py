import errno
import os
import resource
import signal
from pathlib import Path

import pytest

from hacdr.errors import InputError
from hacdr.files import (
    file_sha256,
    fold_name,
    lock_folder,
    make_folder,
    part_of_name,
    read_list,
    remove_unfinished,
    temporary_name,
    walk_files,
    write_bytes,
)

from .processes import locked_by_another

NAMES = ['IDRiD_01', '007-1774-100 (1)', 'Ödem 3']


@pytest.mark.parametrize('end', ['\n', '\r\n', '\n\n', ' \r\n\t\r\n'])
@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_a_list_in_every_spelling(tmp_path, encoding, end):
    path = tmp_path / 'list.txt'
    path.write_bytes((end.join(NAMES) + end).encode(encoding))
    assert read_list(path) == NAMES


@pytest.mark.parametrize('data', [b'a\xe4\n', 'a\n'.encode('utf-16-le'), b'\xff\xfea'])
def test_a_list_in_another_encoding_is_refused(tmp_path, data):
    (tmp_path / 'list.txt').write_bytes(data)
    with pytest.raises(InputError, match=r'list\.txt: not a list of names, expected'):
        read_list(tmp_path / 'list.txt')


def test_a_list_that_is_missing(tmp_path):
    with pytest.raises(InputError, match=r'list\.txt: no such file'):
        read_list(tmp_path / 'list.txt')


def test_a_folder_cannot_be_made_below_a_file(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match=r'x: folder cannot be made \(Not a directory'):
        make_folder(tmp_path / 'file' / 'x')


@pytest.mark.skipif(not os.path.isdir('/proc/self'), reason='no such folder here')
def test_a_folder_that_takes_no_files():
    with pytest.raises(InputError, match=r'/proc/a\.json: folder /proc takes no files'):
        write_bytes('/proc/a.json', b'')


def test_a_disk_that_is_full_says_which_file(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('before')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match='too large') as caught:
            write_bytes(path, bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.filename == str(path)
    assert [one.name for one in tmp_path.iterdir()] == ['a.json']
    assert path.read_text() == 'before'


@pytest.mark.parametrize('text', ['../x', '..\\x', 'a/b', 'a\nb', '\x1b[2J'])
def test_part_of_a_name(text):
    with pytest.raises(InputError, match='cannot be part of the name of a file'):
        part_of_name(text)
    assert part_of_name('Ödem (1)') == 'Ödem (1)'


def test_what_killed_processes_left_goes_and_nothing_else(tmp_path):
    left = '.a.png.0123abcd.tmp', '.two\nlines.00000000.tmp'
    others = 'a.png', '.b.png.0123abcd.tmp', '.a.png.old.tmp', '.a.png.12.tmp'
    for name in (*left, *others):
        (tmp_path / name).touch()
    remove_unfinished([tmp_path / 'a.png', f'{tmp_path}/two\nlines', 'nowhere/a'])
    assert {path.name for path in tmp_path.iterdir()} == {*others}


def test_two_processes_write_to_files_of_their_own(tmp_path):
    """Of equal numbers too, as on two machines."""
    one, other = (temporary_name(tmp_path / 'a.png') for _ in range(2))
    assert one != other
    for name in (one, other):
        Path(name).touch()
    remove_unfinished([tmp_path / 'a.png'])
    assert not [*tmp_path.iterdir()]


def test_a_folder_for_one_run_at_a_time(tmp_path):
    busy = pytest.raises(InputError, match='another run is at work in it')
    with locked_by_another(tmp_path / '.lock'):
        for shared in (False, True):
            with busy, lock_folder(tmp_path, shared=shared):
                pass
        with lock_folder(tmp_path, 'another'):
            pass
    # It goes with whoever held it.
    with lock_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_locked_keeps_nobody_out(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, 'No locks available')

    with lock_folder(tmp_path / 'missing'):
        pass
    monkeypatch.setattr('fcntl.lockf', refuse)
    with lock_folder(tmp_path):
        pass
    monkeypatch.setattr('hacdr.files.locks.fcntl', None)
    with lock_folder(tmp_path):
        pass


def test_files_below_a_folder(tmp_path):
    for name in ('a', 'in/b', 'in/deep/c', '.hidden/d', 'in/.e', 'beside/f'):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    root = tmp_path / 'in'
    (root / 'beside').symlink_to('../beside')
    (root / 'circle').symlink_to('..')
    (root / 'gone').symlink_to('nowhere')
    (root / 'itself').symlink_to('itself')
    found = sorted(walk_files(root))
    # By the circle once: what is above, without what was seen already.
    assert found == [
        *('.e', 'b', 'beside/f', 'circle/a', 'deep/c', 'gone', 'itself'),
    ]
    assert sorted(walk_files(root, recursive=False)) == ['.e', 'b', 'gone', 'itself']


def test_a_folder_that_cannot_be_read(tmp_path):
    (tmp_path / 'a').touch()
    with pytest.raises(InputError, match=r'nowhere: folder cannot be read \(No such'):
        [*walk_files(tmp_path / 'nowhere')]
    refused = []
    assert [*walk_files(tmp_path / 'a', refused.append)] == []
    assert refused[0].filename == str(tmp_path / 'a')


@pytest.mark.parametrize('read', [read_list, file_sha256])
def test_a_pipe_is_not_waited_for(tmp_path, read):
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(InputError, match='pipe: is not a file'):
        read(tmp_path / 'pipe')
    with pytest.raises(InputError, match=f'{tmp_path.name}: is not a file'):
        read(tmp_path)


def test_names_that_are_one_somewhere():
    assert fold_name('\u00c4uge') == fold_name('A\u0308UGE') == fold_name('\u00e4uge')
    assert fold_name('auge') != fold_name('\u00e4uge')
