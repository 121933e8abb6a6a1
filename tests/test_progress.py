"""Progress bars in files, where nothing can be drawn over."""

from hacdr import progress
from hacdr.progress import progress_bar


def test_a_short_bar_is_one_line(capsys):
    for _ in progress_bar(range(5), desc='photographs'):
        pass
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('photographs: 100%')
    assert '5/5' in line
    assert len(line) <= 80


def test_a_long_bar_is_a_line_at_times(capsys, monkeypatch):
    monkeypatch.setattr(progress, 'SECONDS', 0)
    with progress_bar(total=2, mininterval=0) as bar:
        bar.update()
        bar.update()
        # What was told is not told again at the end.
        monkeypatch.setattr(progress, 'SECONDS', 99)
    lines = capsys.readouterr().err.splitlines()
    counts = [line.split('|')[2].split()[0] for line in lines]
    assert counts == ['0/2', '1/2', '2/2']


def test_a_bar_that_is_not_to_stay_leaves_nothing(capsys):
    for _ in progress_bar(range(5), leave=False):
        pass
    assert capsys.readouterr().err == ''
