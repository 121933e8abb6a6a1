"""Build the environment of ``make setup``, or print where its Python is (--which).

The environment lives in the user's cache, outlives the checkout and is keyed by the
stack's constraints, the recipe below, the Python and whether mmcv's operators are
compiled. Each step leaves a mark when it is done, so that an interrupted build goes on
where it stopped. The variable STACK forces a stack.
"""

import argparse
import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from environment import mmcv_wheel, stack
from environment.process import SetupError, run

CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'hacdr'
# Counts up when the way of building changes, so that older environments are left.
RECIPE = 2
FREE_BYTES_NEEDED = 8e9
CHECK = """
import cv2, numba, scipy, sklearn, torch, torchvision, mmcv, mmseg
from mmcv import _ext
from mmcv.ops import modulated_deform_conv2d
operators = 'without operators'
if getattr(_ext, 'OPERATORS', True):
    x = torch.rand(1, 4, 8, 8)
    y = modulated_deform_conv2d(
        x, torch.zeros(1, 18, 8, 8), torch.ones(1, 9, 8, 8), torch.rand(4, 4, 3, 3),
        None, 1, 1, 1, 1, 1)
    assert y.shape == x.shape
    operators = 'with operators, which run'
print(f'everything imports: torch {torch.__version__}, mmcv {mmcv.__version__} '
      f'{operators}, mmsegmentation {mmseg.__version__}')
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--which', action='store_true', help='print the Python of the environment'
    )
    args = parser.parse_args()
    choice = stack.choose(os.environ.get('STACK'))
    without = mmcv_wheel.why_not_compiled(choice.python)
    environment = CACHE / f'env-{choice.stack.name}-{key(choice, not without)}'
    python = environment / 'bin' / 'python'
    complete = environment / '.complete'
    if args.which:
        if not complete.exists():
            raise SetupError('no environment yet; run: make setup')
        print(python)
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    print(choice.line)
    if without:
        print(f'{without}: mmcv comes without its operators, a stand-in names them')
    if not complete.exists():
        with open(CACHE / 'lock', 'w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                print('waiting for another make setup to end', flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not complete.exists():
                build(choice, not without, environment, python)
                complete.touch()
    print(f'environment is ready: {environment}')


def key(choice, operators):
    """Return what an environment depends on, as twelve hexadecimal digits."""
    digest = hashlib.sha256()
    for part in (
        choice.stack.constraints.read_bytes(),
        b'operators' if operators else mmcv_wheel.STAND_IN.read_bytes(),
        str(RECIPE).encode(),
        choice.version.encode(),
        platform.machine().encode(),
    ):
        digest.update(part)
    return digest.hexdigest()[:12]


def build(choice, operators, environment, python):
    """Build the environment step by step, leaving out the steps that are done."""
    free = shutil.disk_usage(CACHE).free
    if free < FREE_BYTES_NEEDED:
        raise SetupError(
            f'{CACHE}: {free / 1e9:.1f} GB free, the environment needs '
            f'{FREE_BYTES_NEEDED / 1e9:.0f} GB (XDG_CACHE_HOME moves it)'
        )
    requirements = CACHE / f'{environment.name}-requirements.txt'
    requirements.write_text(
        ''.join(
            line
            for line in choice.stack.constraints.read_text().splitlines(keepends=True)
            if not line.startswith(('mmcv-full', 'mmsegmentation'))
        )
    )
    log = CACHE / f'{environment.name}.log'
    pin = choice.stack.pin
    pip = [python, '-m', 'pip', '--disable-pip-version-check', 'install']
    steps = [
        ('environment', lambda: create(choice.python, environment, log)),
        (
            'PyTorch (about 2 GB to download)',
            lambda: run(
                [*pip, pin('torch'), pin('torchvision'), '-c', requirements], log
            ),
        ),
        ('other packages', lambda: run([*pip, '-r', requirements], log)),
        ('mmcv', lambda: install_mmcv(choice, operators, python, pip, log)),
        (
            'mmsegmentation',
            lambda: run([*pip, '--no-deps', pin('mmsegmentation')], log),
        ),
        ('check', lambda: check(python)),
    ]
    print(f'building {environment} (log: {log})')
    for number, (name, step) in enumerate(steps, 1):
        mark = environment / f'.done-{number}'
        label = f'[{number}/{len(steps)}] {name}'
        if mark.exists():
            print(f'{label}: done before', flush=True)
            continue
        print(f'{label} ...', flush=True)
        start = time.time()
        step()
        mark.touch()
        print(f'{label}: {time.time() - start:.0f} s', flush=True)
    requirements.unlink()


def create(python, environment, log):
    shutil.rmtree(environment, ignore_errors=True)
    run([python, '-m', 'venv', environment], log)


def install_mmcv(choice, operators, python, pip, log):
    """Install mmcv, compiled where that goes.

    A compiler that is there may still fail, as torch's CUDA and the machine's differ:
    then mmcv comes without its operators.
    """
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        wheel = None
        if operators:
            try:
                wheel = compiled_wheel(choice, python, Path(folder) / 'compiled', log)
            except SetupError as error:
                print(f'  {error}\n  mmcv comes without its operators', flush=True)
        if wheel is None:
            pin = choice.stack.pin('mmcv-full')
            wheel = mmcv_wheel.build_without_operators(python, pin, Path(folder), log)
        run([*pip, '--no-deps', '--no-cache-dir', wheel], log)


def compiled_wheel(choice, python, folder, log):
    """Return mmcv-full's compiled wheel from the cache, or compile it first."""
    pin = choice.stack.pin('mmcv-full')
    tags = [pin, choice.stack.pin('torch'), f'py{choice.version}', platform.machine()]
    wheels = CACHE / 'wheels' / re.sub(r'[^\w.-]+', '-', '_'.join(tags))
    if not list(wheels.glob('*.whl')):
        wheel = mmcv_wheel.compile_operators(python, pin, folder, log)
        wheels.mkdir(parents=True, exist_ok=True)
        os.replace(wheel, wheels / wheel.name)
    (wheel,) = wheels.glob('*.whl')
    return wheel


def check(python):
    """Import everything and run mmcv's deformable operator where there is one."""
    result = subprocess.run(
        [str(python), '-W', 'ignore', '-c', CHECK],
        capture_output=True,
        text=True,
        cwd=tempfile.gettempdir(),
    )
    if result.returncode:
        said = result.stderr.strip().splitlines()[-1]
        raise SetupError(f'the environment does not work: {said}')
    print('  ' + result.stdout.strip().splitlines()[-1])


if __name__ == '__main__':
    try:
        main()
    except SetupError as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('\ninterrupted; run make setup again to go on')
