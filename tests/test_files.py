import resource
import signal

import pytest

from hacdr.errors import InputError
from hacdr.files import (
    make_folder,
    part_of_name,
    read_list,
    remove_unfinished,
    write_bytes,
)

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
    with pytest.raises(InputError, match=r'cannot be read \(No such file'):
        read_list(tmp_path / 'list.txt')


def test_a_folder_cannot_be_made_below_a_file(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match=r'x: folder cannot be made \(Not a directory'):
        make_folder(tmp_path / 'file' / 'x')


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
    left = '.a.png.12.tmp', '.two\nlines.3.tmp'
    others = 'a.png', '.b.png.12.tmp', '.a.png.old.tmp', '.a.png.12.tmp.png'
    for name in (*left, *others):
        (tmp_path / name).touch()
    remove_unfinished([tmp_path / 'a.png', f'{tmp_path}/two\nlines', 'nowhere/a'])
    assert {path.name for path in tmp_path.iterdir()} == {*others}
