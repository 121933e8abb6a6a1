"""Build the environment of ``make setup``, or print where its Python is (--which).

The environment lives in the user's cache, outlives the checkout and is keyed by the
constraints file, the recipe below and the version of Python. Each step leaves a mark
when it is done, so that an interrupted build goes on where it stopped.
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

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / 'constraints.txt'
CACHE = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'hacdr'
# Counts up when the way of building changes, so that older environments are left.
RECIPE = 1
FREE_BYTES_NEEDED = 8e9
NO_INDEX = re.compile(
    r'name resolution|NewConnectionError|ConnectTimeout|Connection refused|'
    r'Network is unreachable|ReadTimeout|ProxyError|from versions: none'
)
CHECK = """
import cv2, numba, scipy, sklearn, torch, torchvision, mmcv, mmseg
from mmcv.ops import modulated_deform_conv2d
x = torch.rand(1, 4, 8, 8)
y = modulated_deform_conv2d(
    x, torch.zeros(1, 18, 8, 8), torch.ones(1, 9, 8, 8), torch.rand(4, 4, 3, 3),
    None, 1, 1, 1, 1, 1)
assert y.shape == x.shape
print(f'torch {torch.__version__}, mmcv-full {mmcv.__version__}, '
      f'mmsegmentation {mmseg.__version__}: everything imports, '
      'the deformable operator runs')
"""


class SetupError(Exception):
    """What stands in the way, in one line."""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--which', action='store_true', help='print the Python of the environment'
    )
    args = parser.parse_args()
    environment = CACHE / f'env-{key()}'
    python = environment / 'bin' / 'python'
    complete = environment / '.complete'
    if args.which:
        if not complete.exists():
            raise SetupError('no environment yet; run: make setup')
        print(python)
        return
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / 'lock', 'w') as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print('waiting for another make setup to end', flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists():
            print(f'environment is ready: {environment}')
            return
        build(environment, python)
        complete.touch()
    print(f'environment is ready: {environment}')


def key():
    """Return what an environment depends on, as twelve hexadecimal digits."""
    digest = hashlib.sha256()
    for part in (
        CONSTRAINTS.read_bytes(),
        str(RECIPE).encode(),
        platform.python_version().encode(),
        platform.machine().encode(),
    ):
        digest.update(part)
    return digest.hexdigest()[:12]


def build(environment, python):
    """Build the environment step by step, leaving out the steps that are done."""
    if not any(shutil.which(name) for name in ('c++', 'g++', 'clang++')):
        raise SetupError('no C++ compiler found (c++, g++ or clang++); install g++')
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
            for line in CONSTRAINTS.read_text().splitlines(keepends=True)
            if not line.startswith(('mmcv-full', 'mmsegmentation'))
        )
    )
    log = CACHE / f'{environment.name}.log'
    pip = [python, '-m', 'pip', '--disable-pip-version-check', 'install']
    steps = [
        ('environment', lambda: create(environment, log)),
        (
            'PyTorch (about 2 GB to download)',
            lambda: run(
                [*pip, pin('torch'), pin('torchvision'), '-c', requirements], log
            ),
        ),
        ('other packages', lambda: run([*pip, '-r', requirements], log)),
        ('mmcv-full', lambda: install_mmcv(python, pip, log)),
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


def pin(package):
    """Return 'package==version' as the constraints file has it."""
    match = re.search(rf'^{package}==\S+?(?=;|\s|$)', CONSTRAINTS.read_text(), re.M)
    return match.group()


def create(environment, log):
    shutil.rmtree(environment, ignore_errors=True)
    run([sys.executable, '-m', 'venv', environment], log)


def install_mmcv(python, pip, log):
    """Install mmcv-full from the cached wheel, or compile that wheel first."""
    version = pin('mmcv-full')
    tags = [version, pin('torch'), f'py{platform.python_version()}', platform.machine()]
    wheels = CACHE / 'wheels' / re.sub(r'[^\w.-]+', '-', '_'.join(tags))
    if not list(wheels.glob('*.whl')):
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            wheel = compile_mmcv(python, version, Path(folder), log)
            wheels.mkdir(parents=True, exist_ok=True)
            os.replace(wheel, wheels / wheel.name)
    (wheel,) = wheels.glob('*.whl')
    run([*pip, '--no-deps', '--no-cache-dir', wheel], log)


def compile_mmcv(python, version, folder, log):
    """Compile mmcv-full from its source package and return the wheel.

    Nearly all of the time goes into headers that are parsed anew for each file, so
    two files that include the wrappers take their place. Should a compiler not like
    that, the source package is built as it is.
    """
    download = [python, '-m', 'pip', 'download', '--no-deps', '--no-cache-dir']
    download += ['--no-build-isolation', '--no-binary', 'mmcv-full', '-d', folder]
    run([*download, version], log)
    (archive,) = folder.glob('mmcv*.tar.gz')
    for grouped in (True, False):
        shutil.unpack_archive(archive, folder / 'source')
        (source,) = (folder / 'source').iterdir()
        if grouped:
            group_wrappers(source / 'mmcv' / 'ops' / 'csrc' / 'pytorch')
        flags = {'MMCV_WITH_OPS': '1', 'MAX_JOBS': str(os.cpu_count())}
        flags['CFLAGS'] = '-O2 -g0'
        command = [python, 'setup.py', 'bdist_wheel', '-d', folder]
        try:
            run(command, log, cwd=source, env={**os.environ, **flags}, compiler=True)
        except SetupError:
            if not grouped:
                raise
            print('  grouped build failed, compiling file by file', flush=True)
            shutil.rmtree(folder / 'source')
        else:
            (wheel,) = folder.glob('*.whl')
            return wheel


def group_wrappers(folder):
    """Replace the C++ files of a folder by two that include half of them each."""
    files = sorted(folder.glob('*.cpp'))
    (folder / 'wrappers').mkdir()
    for file in files:
        file.rename(folder / 'wrappers' / file.name)
    for i in range(2):
        lines = [f'#include "wrappers/{file.name}"\n' for file in files[i::2]]
        (folder / f'group{i}.cpp').write_text(''.join(lines))


def run(command, log, compiler=False, **kwargs):
    """Run a command with its output in the log; show the compiler's progress."""
    command = [str(part) for part in command]
    lines = []
    with open(log, 'a') as file:
        file.write(f'$ {" ".join(command)}\n')
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors='replace',
            **kwargs,
        )
        for line in process.stdout:
            file.write(line)
            lines.append(line)
            progress = re.match(r'\[(\d+)/(\d+)\]', line.strip()) if compiler else None
            if progress:
                print(f'  compiled file {progress[1]} of {progress[2]}', flush=True)
    if process.wait() == 0:
        return
    output = ''.join(lines)
    if NO_INDEX.search(output):
        raise SetupError(f'the package index cannot be reached (log: {log})')
    said = [line.strip() for line in lines if 'error' in line.lower()] or lines[-1:]
    raise SetupError(f'{" ".join(command[:6])} failed: {said[0].strip()} (log: {log})')


def check(python):
    """Import everything and run mmcv's deformable operator."""
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
