"""Checkpoints on disks that are full, and after a kill; trainings asked to end."""

import errno
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from mmcv.runner import CheckpointHook, EvalHook, Hook
from torch.utils.data import DataLoader

from hacdr.engine.checkpoint_files import find_damage, find_newest, write_checked
from hacdr.engine.stopping import EXIT_SAVED
from hacdr.errors import InputError

from .training import make_runner, train


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def change_a_byte(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b'collections', b'collectionz', 1))


def empty(path):
    path.write_bytes(b'')


# --- found again ------------------------------------------------------------------


@pytest.mark.parametrize('damage', [truncate, change_a_byte, empty])
def test_a_damaged_checkpoint_is_named_and_passed_over(damage, tmp_path):
    train(make_runner(tmp_path, 6))
    assert find_newest(str(tmp_path), pytest.fail) == str(tmp_path / 'iter_6.pth')
    damage(tmp_path / 'iter_6.pth')
    told = []
    assert find_newest(str(tmp_path), told.append) == str(tmp_path / 'iter_4.pth')
    (line,) = told
    assert line.startswith(f'{tmp_path}/iter_6.pth: damaged checkpoint, passed over')
    # latest.pth is a link to it.
    with pytest.raises(InputError, match='not a readable checkpoint'):
        make_runner(tmp_path, 8).resume(str(tmp_path / 'latest.pth'))


def test_the_newest_is_the_one_of_most_iterations(tmp_path):
    assert find_newest(str(tmp_path / 'nothing'), pytest.fail) is None
    train(make_runner(tmp_path, 10))
    for path in tmp_path.glob('iter_*.pth'):
        os.utime(path, (0, 0) if path.name == 'iter_10.pth' else None)
    shutil.copy(tmp_path / 'iter_4.pth', tmp_path / 'best_mAUPR_iter_12.pth')
    assert find_newest(str(tmp_path), pytest.fail) == str(tmp_path / 'iter_10.pth')


def test_where_all_are_damaged_nothing_begins_anew_unasked(tmp_path):
    train(make_runner(tmp_path, 4))
    truncate(tmp_path / 'iter_2.pth')
    truncate(tmp_path / 'iter_4.pth')
    with pytest.raises(InputError, match='all 2 checkpoints are damaged; delete them'):
        find_newest(str(tmp_path), lambda line: None)


# --- written ----------------------------------------------------------------------


def test_what_cannot_be_read_back_takes_no_place(tmp_path):
    path = tmp_path / 'iter_2.pth'
    torch.save(make_runner(tmp_path, 1).model.state_dict(), str(path))
    before = path.read_bytes()

    def write():
        with write_checked(str(path)) as temporary:
            shutil.copy(path, temporary)
            change_a_byte(Path(temporary))

    with pytest.raises(InputError, match='reading it back failed: wrong checksum'):
        write()
    assert path.read_bytes() == before
    assert names(tmp_path) == ['iter_2.pth']


def test_what_a_kill_left_half_written_goes(tmp_path):
    (tmp_path / '.iter_2.pth.0123abcd.tmp').write_bytes(b'half')
    (tmp_path / '.latest.pth.0123abcd.tmp').symlink_to('iter_2.pth')
    train(make_runner(tmp_path, 2))
    assert names(tmp_path) == ['iter_2.pth', 'latest.pth']


@pytest.fixture(params=[errno.ENOSPC, errno.EROFS])
def refusing_disk(request, monkeypatch):
    """From now on, files that are written to take half of it."""

    def save(checkpoint, file, *args, **kwargs):
        file.write(b'half')
        raise OSError(request.param, os.strerror(request.param))

    def refuse():
        monkeypatch.setattr(torch, 'save', save)
        return os.strerror(request.param)

    return refuse


class At(Hook):
    """Does something before an iteration, from 1."""

    def __init__(self, iteration, action):
        self.iteration, self.action = iteration, action

    def before_train_iter(self, runner):
        if runner.iter + 1 == self.iteration:
            self.action()


def test_a_disk_that_refuses_leaves_all_as_it_was(tmp_path, refusing_disk):
    reason = []
    hooks = [(At(3, lambda: reason.append(refusing_disk())), 'NORMAL')]
    with pytest.raises(InputError) as caught:
        train(make_runner(tmp_path, 6, hooks=hooks))
    expected = f'{tmp_path}/iter_4.pth: cannot be written ({reason[0]}); '
    assert str(caught.value).startswith(expected)
    assert names(tmp_path) == ['iter_2.pth', 'latest.pth']
    assert find_newest(str(tmp_path), pytest.fail) == str(tmp_path / 'iter_2.pth')


@pytest.mark.parametrize('interval', [2, 3])
def test_a_disk_without_links(tmp_path, monkeypatch, interval):
    def refuse(*args):
        raise OSError(errno.EPERM, 'Operation not permitted')

    monkeypatch.setattr(os, 'symlink', refuse)
    train(make_runner(tmp_path, 6, interval=interval))
    latest = tmp_path / 'latest.pth'
    assert not latest.is_symlink()
    assert latest.read_bytes() == (tmp_path / 'iter_6.pth').read_bytes()
    # The copy may be whole where the other is not.
    for path in tmp_path.glob('iter_*.pth'):
        truncate(path)
    assert find_newest(str(tmp_path), lambda line: None) == str(latest)
    assert find_damage(latest) is None


class Evaluation(EvalHook):
    """Each evaluation is the best so far."""

    def __init__(self):
        super().__init__(
            DataLoader([0]), interval=2, by_epoch=False, save_best='a', rule='greater'
        )
        self.best_at_save = []

    def _do_evaluate(self, runner):
        self._save_ckpt(runner, float(runner.iter))


def test_the_best_of_the_training_before_stays(tmp_path):
    before, after = tmp_path / 'before', tmp_path / 'after'
    train(make_runner(before, 4, hooks=[(Evaluation(), 'LOW')]))
    runner = make_runner(after, 8, hooks=[(Evaluation(), 'LOW')])
    runner.resume(str(before / 'latest.pth'))
    train(runner)
    assert (before / 'best_a_iter_4.pth').is_file()
    assert [path.name for path in after.glob('best*')] == ['best_a_iter_8.pth']


def test_the_best_stays_until_the_next_is_whole(tmp_path, refusing_disk):
    hooks = [(Evaluation(), 'LOW')]
    train(make_runner(tmp_path, 4, hooks=hooks))
    assert names(tmp_path)[0] == 'best_a_iter_4.pth'
    assert len(list(tmp_path.glob('best*'))) == 1
    runner = make_runner(tmp_path, 8, hooks=[(Evaluation(), 'LOW')])
    runner.resume(str(tmp_path / 'latest.pth'))
    refusing_disk()
    with pytest.raises(InputError, match=r'best_a_iter_6\.pth: cannot be written'):
        train(runner)
    assert names(tmp_path)[0] == 'best_a_iter_4.pth'
    assert find_damage(tmp_path / 'best_a_iter_4.pth') is None


# --- asked to end -----------------------------------------------------------------


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
@pytest.mark.parametrize('iteration', [3, 4])
def test_a_signal_saves_and_exits(tmp_path, number, iteration):
    """After iteration 3, for which no checkpoint is due; 4 is written anyway."""
    before = signal.getsignal(number)
    hooks = [(At(iteration, lambda: os.kill(os.getpid(), number)), 'NORMAL')]
    with pytest.raises(SystemExit) as caught:
        train(make_runner(tmp_path, 6, hooks=hooks))
    assert caught.value.code == EXIT_SAVED == 75
    assert signal.getsignal(number) == before
    assert os.readlink(tmp_path / 'latest.pth') == f'iter_{iteration}.pth'
    whole = train(make_runner(tmp_path / 'whole', 6))
    runner = make_runner(tmp_path, 6)
    runner.resume(find_newest(str(tmp_path), pytest.fail))
    assert runner.iter == iteration
    for name, tensor in train(runner).items():
        assert torch.equal(tensor, whole[name]), name


def test_a_signal_saves_where_no_checkpoint_ever_is_due(tmp_path):
    stop = At(3, lambda: os.kill(os.getpid(), signal.SIGTERM)), 'NORMAL'
    runner = make_runner(tmp_path, 6, hooks=[stop])
    runner._hooks = [h for h in runner.hooks if not isinstance(h, CheckpointHook)]
    with pytest.raises(SystemExit) as caught:
        train(runner)
    assert caught.value.code == EXIT_SAVED
    assert find_newest(str(tmp_path), pytest.fail) == str(tmp_path / 'iter_3.pth')


@pytest.mark.parametrize('keep', [1, -1])
def test_what_a_signal_left_goes_where_checkpoints_are_limited(tmp_path, keep):
    def make(*hooks):
        runner = make_runner(tmp_path, 8, hooks=hooks)
        for hook in runner.hooks:
            if isinstance(hook, CheckpointHook):
                hook.max_keep_ckpts = keep
        return runner

    stop = At(3, lambda: os.kill(os.getpid(), signal.SIGTERM)), 'NORMAL'
    with pytest.raises(SystemExit):
        train(make(stop))
    seen = []
    watch = At(5, lambda: seen.append(names(tmp_path)))
    runner = make(
        (At(4, lambda: seen.append(names(tmp_path))), 'NORMAL'), (watch, 'LOW')
    )
    runner.resume(str(tmp_path / 'iter_3.pth'))
    train(runner)
    assert 'iter_3.pth' in seen[0]
    assert ('iter_3.pth' in seen[1]) == (keep == -1)
    assert 'iter_4.pth' in seen[1]
