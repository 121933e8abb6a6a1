"""Commands on files and machines that are not what they should be."""

import os

import pytest
import torch

from hacdr.engine.checkpoint_files import find_newest
from hacdr.engine.stopping import EXIT_SAVED

from .disturbed_training import SCRIPT, write_config, write_data


@pytest.fixture
def config(tmp_path, disturbed_data):
    path = tmp_path / 'tiny.py'
    write_config(path, disturbed_data)
    return path


@pytest.mark.slow
def test_a_signal_to_all_processes_and_a_full_disk(tmp_path, config, run_together):
    def command(how, *options):
        return [
            *(SCRIPT, config, '--work-dir', tmp_path / how, '--auto-resume'),
            *('--seed', 0),
            *('--cfg-options', f'custom_hooks.DisturbHook.how={how}', *options),
        ]

    term, full = run_together(
        command(
            'term', 'custom_hooks.DisturbHook.at=train-5', 'data.workers_per_gpu=2'
        ),
        command('full', 'custom_hooks.DisturbHook.at=train-3', 'log_level=INFO'),
    )
    assert term.returncode == EXIT_SAVED, term.stderr
    assert (tmp_path / 'term' / 'latest.pth').resolve().name == 'iter_5.pth'
    assert full.returncode == 2, full.stderr
    last = full.stderr.splitlines()[-1]
    assert last.startswith(f'error: {tmp_path}/full/')
    assert 'iter_4.pth: cannot be written (File too large); ' in last
    assert 'Traceback' not in full.stderr
    assert [path.name for path in (tmp_path / 'full').glob('iter_*')] == ['iter_2.pth']
    assert len(list((tmp_path / 'full').glob('best_*'))) == 1

    # The newest is what a disk that was full left before checkpoints were whole.
    (tmp_path / 'full' / 'iter_4.pth').write_bytes(b'PK\3\4')
    info = 'log_level=INFO'
    results = run_together(command('term', info), command('full', info))
    for result in results:
        assert result.returncode == 0, result.stderr
    assert 'iter_4.pth: damaged checkpoint, passed over' in results[1].stderr
    for result, resumed in zip(results, ('iter_5.pth', 'iter_2.pth')):
        assert f'{resumed} at iteration' in result.stderr
    histories = [
        (tmp_path / how / 'scores.jsonl').read_text() for how in ('term', 'full')
    ]
    assert histories[0] == histories[1]
    assert len(histories[0].splitlines()) == 4


@pytest.mark.slow
def test_photographs_that_are_damaged_during_a_training(tmp_path, run_script):
    write_data(tmp_path)
    config, work = tmp_path / 'tiny.py', tmp_path / 'work'
    write_config(config, tmp_path)
    result = run_script(
        *(SCRIPT, config, '--work-dir', work, '--seed', 0),
        *('--cfg-options', 'data.workers_per_gpu=2', 'evaluation.interval=9'),
        f'custom_hooks.DisturbHook.how={tmp_path / "images"}',
        'custom_hooks.DisturbHook.at=train-3',
    )
    assert result.returncode == 2, result.stderr
    (line,) = [x for x in result.stderr.splitlines() if x.startswith('error')]
    assert line.startswith(f'error: {tmp_path}/images/'), line
    assert 'Traceback' not in result.stderr
    assert find_newest(work, pytest.fail) is not None


class MakesFolder:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.slow
def test_commands_run_no_code_from_a_checkpoint(tmp_path, config, run_together):
    base, config = config, tmp_path / 'undisturbed.py'
    config.write_text(f'_base_ = {base.name!r}\ncustom_hooks = []\n')
    malicious, trace = tmp_path / 'malicious.pth', tmp_path / 'ran'
    torch.save(dict(state_dict={}, meta=MakesFolder(str(trace))), malicious)
    out = tmp_path / 'out.pth'
    train = ('tools/train.py', config, '--work-dir')
    commands = [
        (*train, tmp_path / 'a', '--load-from', malicious),
        (*train, tmp_path / 'b', '--resume-from', malicious),
        (
            *(*train, tmp_path / 'c'),
            '--cfg-options',
            'model.backbone.init_cfg.type=Pretrained',
            f'model.backbone.init_cfg.checkpoint={malicious}',
        ),
        ('tools/test.py', config, malicious, '--eval', 'mAUPR'),
        ('tools/predict.py', tmp_path, '-o', out, '--weights', malicious),
        ('tools/publish_model.py', malicious, tmp_path / 'out.safetensors'),
        ('tools/model_converters/mscan2hacdr.py', malicious, out),
        ('tools/model_converters/released2hacdr.py', malicious, out),
    ]
    for command, result in zip(commands, run_together(*commands)):
        assert result.returncode == 2, (command, result.stderr)
        (line,) = [x for x in result.stderr.splitlines() if x.startswith('error')]
        assert line.startswith(f'error: {malicious}: holds posix.mkdir; '), command
        assert 'Traceback' not in result.stderr
    assert not trace.exists()
    publish = (*commands[-3], '--trust-checkpoint')
    run_together(publish)
    assert trace.exists()
