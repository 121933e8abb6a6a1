"""What of all that is logged a user sees."""

import logging

import mmcv
import pytest
from mmcv.utils import print_log
from mmseg.utils import get_root_logger

from hacdr.engine import terminal
from hacdr.engine.terminal import LOGGERS, open_log, open_terminal
from hacdr.engine.terminal import test_bar as bar_of_a_test


@pytest.fixture(autouse=True)
def _restore_loggers():
    before = {name: logging.getLogger(name).handlers[:] for name in LOGGERS}
    yield
    for name, handlers in before.items():
        logging.getLogger(name).handlers = handlers


def log_all(monkeypatch):
    logger = get_root_logger()
    print_log('Loaded 31 images', logger)
    logger.warning('a photograph is missing')
    logging.getLogger('hacdr').warning('no cache')
    monkeypatch.setattr(terminal, 'PACKAGE', __file__)
    logger.info('resumed')
    logger.info('Config:\nmodel = dict()')


def test_a_user_sees_warnings_and_what_is_said_to_him(monkeypatch, capsys, tmp_path):
    open_terminal('INFO', verbose=False)
    open_log(str(tmp_path / 'log'))
    log_all(monkeypatch)
    assert capsys.readouterr().err.splitlines() == [
        'warning: a photograph is missing',
        'warning: no cache',
        'resumed',
    ]
    text = (tmp_path / 'log').read_text()
    for line in ('mmseg - INFO - Loaded 31', 'hacdr - WARNING - no', 'model = dict()'):
        assert line in text


def test_verbose(monkeypatch, capsys):
    open_terminal('INFO', verbose=True)
    log_all(monkeypatch)
    printed = capsys.readouterr().err
    for line in ('mmseg - INFO - Loaded 31', 'hacdr - WARNING - no', 'model = dict()'):
        assert line in printed


def test_a_test_shows_a_bar_and_gives_mmcvs_back(capsys):
    theirs = mmcv.ProgressBar
    with bar_of_a_test():
        bar = mmcv.ProgressBar(2)
        bar.update()
        bar.update()
    assert mmcv.ProgressBar is theirs
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('test: 100%')
