import os
import sys

from hacdr_cli import main

import pytest


def call(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', ['hacdr', 'generate', *arguments])
    main()


def test_writes_what_was_asked_for(tmp_path, monkeypatch, capsys):
    target = str(tmp_path / 'set')
    call(
        monkeypatch, '-o', target, '--train', '1', '--test', '1', '--size', '330x220',
        '--jobs', '1',
    )  # fmt: skip
    names = [name for _, _, files in os.walk(target) for name in files]
    assert {'IDRiD_01.jpg', 'IDRiD_55.jpg'} <= set(names)
    assert 'wrote 1 training and 1 test photographs' in capsys.readouterr().out


@pytest.mark.parametrize('size', ['720', '720x', 'axb', '100x80', '-720x480'])
def test_refuses_a_bad_size_in_one_line(tmp_path, monkeypatch, capsys, size):
    with pytest.raises(SystemExit) as caught:
        call(monkeypatch, '-o', str(tmp_path / 'set'), f'--size={size}')
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ')
    assert error.count('\n') == 1
    assert os.listdir(tmp_path) == []
