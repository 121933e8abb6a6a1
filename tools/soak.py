"""Disturb commands at random moments and compare with what nothing disturbed.

    python tools/soak.py -o work_dirs/soak [kills disk truncation memory]

Kills, full disks (as root: of tmpfs), files cut off, and the memory of 3000 iterations.
What is done is in OUT/soak.jsonl; the same command again goes on from there. On a quiet
machine of two cores it takes about half an hour. Commands are forked from this process,
which has loaded torch and mmseg.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

# Before torch is loaded: it sets what torch reads in the environment.
import hacdr_cli

import mmseg.apis  # noqa: F401
import numpy as np
from mmcv.runner import HOOKS, Hook

from hacdr.conversion.layout import read_current_manifest
from hacdr.engine.eval_history import read_eval_history
from hacdr.engine.weights import read_checkpoint
from hacdr.errors import InputError
from hacdr.evaluation import read_results
from hacdr.files import file_sha256
from hacdr.images import read_map, read_photograph
from tests.test_commands.tiny import DEMO
from tests.test_engine.disturbed_training import CONFIG, write_data
from tests.test_engine.test_bit_for_bit import read_end

KILLS = dict(training=20, conversion=10, prediction=6, study=4)
PLACES = 20
# Of the disk that a command needs.
SHARES = 0.3, 0.9
ITERATIONS = 3000
PHOTOGRAPHS = '--train', 4, '--test', 2, '--size', '320x216', '--jobs', 1


# --- commands ---------------------------------------------------------------------


class Command:
    """What is disturbed: how it is started, and what must be equal at the end."""

    def __init__(self, name, arguments, read):
        self.name = name
        self.arguments = arguments
        self.read = read


def make_commands(root):
    """Return the commands; each takes the folder that it writes to.

    Args:
        root (Path): with what :func:`prepare` made.
    """
    config, data = root / 'training.py', root / 'data'
    weights = root / 'undisturbed' / 'training' / 'latest.pth'
    seeded = ('--seed', '3', '--auto-resume')

    def study(folder):
        path = folder.with_suffix('.py')
        path.write_text(
            f'work_dir = {str(folder)!r}\niterations = 8\n'
            f'entries = [dict(name="tiny", config={str(config)!r})]\n'
        )
        return ['study', path]

    def publication(folder):
        folder.mkdir(exist_ok=True)
        return ['publish', weights, folder / 'weights.safetensors']

    def report(folder):
        folder.mkdir(exist_ok=True)
        results = root / 'undisturbed' / 'test' / 'results.json'
        return ['report', results, '-o', folder / 'report.html']

    return [
        Command(
            'training',
            lambda folder: ['train', config, '--work-dir', folder, *seeded],
            read_end,
        ),
        Command(
            'conversion',
            lambda folder: ['convert', 'idrid', root / 'raw', '-o', folder],
            read_files,
        ),
        Command(
            'prediction',
            lambda folder: [
                *('predict', data / 'images' / 'train', '-o', folder),
                *('--weights', weights, '--config', config, '--probabilities'),
            ],
            read_files,
        ),
        Command('study', study, read_study),
        Command(
            'test',
            lambda folder: [
                *('test', config, weights, '--eval', 'mAUPR', 'mDice'),
                *('--work-dir', folder, '--save-probabilities', folder / 'planes'),
            ],
            read_files,
        ),
        Command('publication', publication, read_files),
        Command('report', report, read_files),
        Command('sheets', lambda folder: ['browse', data, '-o', folder], read_files),
    ]


def read_files(folder):
    """Return digests of all files."""
    return {
        str(path.relative_to(folder)): file_sha256(path)
        for path in sorted(folder.rglob('*'))
        if path.is_file()
    }


def read_study(folder):
    """Return the training of a study and the scores of its test, without times."""
    run = folder / 'tiny' / 'seed0'
    content, _ = read_results(str(run / 'results_val.json'))
    checkpoints = read_end(run / 'training')['checkpoints']
    for checkpoint in checkpoints.values():
        del checkpoint['meta']['extra_state']['training_seconds']
    scores = read_eval_history(str(run / 'training'))
    for line in scores:
        del line['seconds']
    photographs = content['photographs']
    return dict(checkpoints, scores=scores, photographs=photographs)


def start(arguments, log):
    """Fork a command of hacdr; its output is appended to a file."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.setsid()
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.argv = ['hacdr', *map(str, arguments)]
        hacdr_cli.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finish(child):
    """Wait for a command; returns its exit code, of a signal minus its number."""
    status = os.waitpid(child, 0)[1]
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def run(arguments, log):
    """Run a command to its end.

    Raises:
        RuntimeError: it failed.
    """
    code = finish(start(arguments, log))
    if code:
        raise RuntimeError(f'{arguments[0]} ended with {code}, see {log}')


def kill_after(child, seconds):
    """Kill a command after some seconds; returns whether it still ran."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


# --- what is disturbed ------------------------------------------------------------


def prepare(root):
    """Make data, a config of a tiny network, and what nothing disturbed."""
    root.mkdir(parents=True, exist_ok=True)
    log = root / 'prepare.log'
    if not (root / 'data').exists():
        shutil.rmtree(root / 'raw', ignore_errors=True)
        run(['generate', '-o', root / 'raw', *PHOTOGRAPHS], log)
        run(['convert', 'idrid', root / 'raw', '-o', root / 'data'], log)
    if not (root / 'noise').exists():
        shutil.rmtree(root / 'noise.part', ignore_errors=True)
        (root / 'noise.part').mkdir()
        write_data(root / 'noise.part')
        (root / 'noise.part').rename(root / 'noise')
    text = CONFIG.format(demo=str(DEMO), root=str(root / 'noise'))
    text = text.replace("    dict(type='DisturbHook', priority='LOW'),\n", '')
    (root / 'training.py').write_text(text)
    seconds = {}
    for command in make_commands(root):
        folder = root / 'undisturbed' / command.name
        done = folder.with_suffix('.seconds')
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(exist_ok=True)
            began = time.monotonic()
            run(command.arguments(folder), log)
            done.write_text(str(time.monotonic() - began))
        seconds[command.name] = float(done.read_text())
    return seconds


class Records:
    """Lines of what was found, in a file."""

    def __init__(self, path):
        self.path = path

    def add(self, **line):
        print(json.dumps(line), flush=True)
        with open(self.path, 'a') as file:
            file.write(json.dumps(line) + '\n')

    def of(self, part, name=None):
        if not self.path.exists():
            return []
        lines = map(json.loads, self.path.read_text().splitlines())
        return [x for x in lines if x['part'] == part and name in (None, x['name'])]


def differing(one, other):
    """Return the names of what is not equal in two ends."""
    names = {*one, *other}
    return sorted(name for name in names if one.get(name) != other.get(name))


# --- parts ------------------------------------------------------------------------


def soak_kills(root, records):
    """Kill commands at random moments, one to five times before they may end."""
    seconds = prepare(root)
    for command in make_commands(root):
        if command.name not in KILLS:
            continue
        expected = command.read(root / 'undisturbed' / command.name)
        while True:
            trials = records.of('kills', command.name)
            left = KILLS[command.name] - sum(len(one['kills']) for one in trials)
            if left <= 0:
                break
            draw = random.Random(f'{command.name} {len(trials)}')
            folder = root / 'kills' / f'{command.name}{len(trials)}'
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(exist_ok=True)
            log = folder.with_suffix('.log')
            kills = []
            for _ in range(min(left, draw.randint(1, 5))):
                began = time.monotonic()
                moment = draw.uniform(0, seconds[command.name])
                if not kill_after(start(command.arguments(folder), log), moment):
                    if not kills:
                        # The machine is less busy than it was.
                        seconds[command.name] = time.monotonic() - began
                    break
                kills.append(round(moment, 2))
            code = finish(start(command.arguments(folder), log))
            differ = differing(expected, command.read(folder)) if code == 0 else ['?']
            records.add(
                part='kills',
                name=command.name,
                kills=kills,
                code=code,
                differ=differ,
            )
            if not differ:
                shutil.rmtree(folder)


def soak_disk(root, records):
    """Run commands on a disk of a part of what they need, then on a larger one."""
    prepare(root)
    for command in make_commands(root):
        if command.name == 'study':
            # Its trainings and tests are on that disk too.
            continue
        undisturbed = root / 'undisturbed' / command.name
        expected = command.read(undisturbed)
        # tmpfs has pages.
        sizes = [path.stat().st_size for path in undisturbed.rglob('*')]
        need = sum(-(-size // 4096) * 4096 for size in sizes)
        for share in SHARES:
            name = f'{command.name} {share:.0%}'
            if records.of('disk', name):
                continue
            disk = root / 'disk'
            disk.mkdir(exist_ok=True)
            log = root / f'disk_{command.name}.log'
            options = f'size={int(need * share / 1024)}k'
            mount = ['mount', '-t', 'tmpfs', '-o', options, 'tmpfs', str(disk)]
            subprocess.run(mount, check=True)
            try:
                log.write_text('')
                code = finish(start(command.arguments(disk / 'out'), log))
                lines = log.read_text().splitlines()
                told = [line for line in lines if line.startswith('error: ')]
                subprocess.run(
                    ['mount', '-o', f'remount,size={need * 4}', str(disk)], check=True
                )
                end = finish(start(command.arguments(disk / 'out'), log))
                differ = ['?']
                if end == 0:
                    differ = differing(expected, command.read(disk / 'out'))
                records.add(
                    part='disk',
                    name=name,
                    code=code,
                    told=told,
                    traceback='Traceback' in '\n'.join(lines),
                    differ=differ,
                )
            finally:
                subprocess.run(['umount', str(disk)], check=True)


def soak_truncation(root, records):
    """Cut every kind of output off at 20 places and read it."""
    prepare(root)
    ends = root / 'undisturbed'
    run_folder = ends / 'study' / 'tiny' / 'seed0'
    image = next((root / 'data' / 'images' / 'train').iterdir())
    label = next((root / 'data' / 'labels' / 'train').iterdir())
    weights = root / 'weights.safetensors'
    if not weights.exists():
        run(
            ['publish', ends / 'training' / 'latest.pth', weights], root / 'prepare.log'
        )
    for path, read in (
        (ends / 'training' / 'iter_8.pth', read_checkpoint),
        (weights, read_checkpoint),
        (run_folder / 'results_val.json', read_results),
        (ends / 'training' / 'scores.jsonl', _read_scores),
        (root / 'data' / 'manifest.json', _read_manifest),
        (image, read_photograph),
        (label, read_map),
    ):
        if records.of('truncation', path.name):
            continue
        folder = root / 'cut'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        content = path.read_bytes()
        refused = others = 0
        for length in np.linspace(0, len(content) - 1, PLACES).astype(int):
            (folder / path.name).write_bytes(content[:length])
            try:
                read(str(folder / path.name))
                others += 1
            except InputError:
                refused += 1
        records.add(part='truncation', name=path.name, refused=refused, read=others)


def _read_scores(path):
    """A line that is cut off is left out: the resumed training writes it again."""
    whole = Path(path).read_text().splitlines()
    if len(read_eval_history(os.path.dirname(path))) not in (
        len(whole),
        len(whole) - 1,
    ):
        raise AssertionError(whole)


def _read_manifest(path):
    return read_current_manifest(os.path.dirname(path))


@HOOKS.register_module()
class MemoryHook(Hook):
    """Writes the memory of the process, in MB, every ten iterations."""

    def after_train_iter(self, runner):
        if self.every_n_iters(runner, 10):
            pages = int(Path('/proc/self/statm').read_text().split()[1])
            megabytes = pages * os.sysconf('SC_PAGE_SIZE') / 1e6
            with open(Path(runner.work_dir) / 'memory.txt', 'a') as file:
                file.write(f'{runner.iter + 1} {megabytes}\n')


def soak_memory(root, records):
    """Train for 3000 iterations; is the last third as large as the second?"""
    prepare(root)
    if records.of('memory'):
        return
    config = root / 'memory.py'
    config.write_text(
        "_base_ = 'training.py'\n"
        'model = dict(\n'
        '    backbone=dict(embed_dims=[4] * 4, cross_kernels=(7,)),\n'
        '    decode_head=dict(in_channels=[4] * 4, channels=4),\n'
        ')\n'
        'data = dict(samples_per_gpu=1)\n'
        "custom_hooks = [dict(type='MemoryHook')]\n"
        f'runner = dict(max_iters={ITERATIONS})\n'
        'checkpoint_config = dict(interval=100)\n'
        'evaluation = dict(interval=500)\n'
    )
    folder = root / 'memory'
    shutil.rmtree(folder, ignore_errors=True)
    run(['train', config, '--work-dir', folder, '--seed', 0], root / 'memory.log')
    figures = np.loadtxt(folder / 'memory.txt')[:, 1]
    thirds = [third.mean() for third in np.array_split(figures, 3)]
    records.add(
        part='memory',
        name=f'{ITERATIONS} iterations',
        megabytes=[round(third, 1) for third in thirds],
        growth=round(thirds[2] / thirds[1] - 1, 4),
    )


PARTS = dict(
    kills=soak_kills, disk=soak_disk, truncation=soak_truncation, memory=soak_memory
)

if __name__ == '__main__':
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('parts', nargs='*', choices=[[], *PARTS], help='default: all')
    parser.add_argument('-o', '--output', type=Path, required=True)
    args = parser.parse_args()
    for name in args.parts or PARTS:
        PARTS[name](args.output.resolve(), Records(args.output / 'soak.jsonl'))
