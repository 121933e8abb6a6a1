import pickle

import hacdr_cli

import pytest

from hacdr.errors import InputError, StackError, printable

NAMES = {
    'eye 1 é 眼.jpg': 'eye 1 é 眼.jpg',
    'C:\\eyes\\a.jpg': 'C:\\eyes\\a.jpg',
    '\x1b[2J\x1b]0;owned\x07.jpg': '\\x1b[2J\\x1b]0;owned\\x07.jpg',
    'a\nerror: b\r.jpg': 'a\\nerror: b\\r.jpg',
    '\u202egpj.exe': '\\u202egpj.exe',
    '\x9b31m': '\\x9b31m',
    b'\xff.jpg'.decode('utf-8', 'surrogateescape'): '\\udcff.jpg',
}


@pytest.mark.parametrize('name', NAMES, ids=ascii)
def test_a_terminal_obeys_no_name(name):
    assert printable(name) == NAMES[name]
    assert printable(NAMES[name]) == NAMES[name]


@pytest.mark.parametrize('kind', [InputError, StackError])
def test_an_error_is_a_line_that_can_be_printed(kind):
    error = kind('\x1b[31m: no such\nfile')
    assert str(error) == '\\x1b[31m: no such\\nfile'
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_disk_that_refuses_a_name(capsys):
    def fail():
        raise PermissionError(13, 'Permission denied', '\x1b[2J')

    with pytest.raises(SystemExit):
        hacdr_cli.run(fail, needs_stack=False)
    assert capsys.readouterr().err == 'error: \\x1b[2J: Permission denied\n'
