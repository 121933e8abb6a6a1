"""The wheel of mmcv from its source package, with its operators or without.

Without them it is pure Python and takes seconds. hacdr's own kernels replace the one
operator it uses, and a stand-in for ``mmcv._ext`` goes into the wheel, which names any
other operator that is called.
"""

import os
import shutil
import subprocess
from pathlib import Path

from .process import SetupError, run

STAND_IN = Path(__file__).resolve().parents[2] / 'hacdr' / 'mmcv_ext.py'
COMPILERS = ('c++', 'g++', 'clang++')
ASK_HEADER = (
    'import os, sysconfig; '
    'print(os.path.exists(sysconfig.get_path("include") + "/Python.h"))'
)
READS_LOCALS = """        exec(compile(f.read(), version_file, 'exec'))
    return locals()['__version__']"""
READS_A_DICT = """        names = {}
        exec(compile(f.read(), version_file, 'exec'), names)
    return names['__version__']"""


def why_not_compiled(python):
    """Return what is missing to compile extensions for a Python; '' for nothing."""
    if not any(shutil.which(name) for name in COMPILERS):
        return f'no C++ compiler was found ({", ".join(COMPILERS)})'
    result = subprocess.run([python, '-c', ASK_HEADER], stdout=subprocess.PIPE)
    if result.stdout.strip() != b'True':
        return 'Python.h was not found (Debian, Ubuntu: python3-dev)'
    return ''


def build_without_operators(python, pin, folder, log):
    """Build mmcv without operators, the stand-in inside, and return the wheel."""
    source = _unpack_source(python, pin, folder, log)
    shutil.copy(STAND_IN, source / 'mmcv' / '_ext.py')
    return _build(python, source, folder, log, MMCV_WITH_OPS='0')


def compile_operators(python, pin, folder, log):
    """Compile mmcv-full and return the wheel.

    Nearly all of the time goes into headers that are parsed anew for each file, so
    two files that include the wrappers take their place. Should a compiler not like
    that, the source package is built as it is.
    """
    flags = {'MMCV_WITH_OPS': '1', 'MAX_JOBS': str(os.cpu_count())}
    flags['CFLAGS'] = '-O2 -g0'
    grouped = _unpack_source(python, pin, folder / 'grouped', log)
    _group_wrappers(grouped / 'mmcv' / 'ops' / 'csrc' / 'pytorch')
    try:
        return _build(python, grouped, folder, log, **flags)
    except SetupError:
        print('  grouped build failed, compiling file by file', flush=True)
    source = _unpack_source(python, pin, folder / 'plain', log)
    return _build(python, source, folder, log, **flags)


def _unpack_source(python, pin, folder, log):
    """Fetch the source package, mend its setup.py and return its folder.

    pip runs that setup.py to learn the name of what it fetched, which fails on Python
    3.13 and later; by then the package lies unpacked in pip's temporary folder.
    """
    temporary = folder / 'temporary'
    temporary.mkdir(parents=True)
    download = [python, '-m', 'pip', 'download', '--no-deps', '--no-cache-dir']
    download += ['--no-build-isolation', '--no-binary', 'mmcv-full', '--no-clean']
    environment = {**os.environ, 'TMPDIR': str(temporary), 'MMCV_WITH_OPS': '0'}
    try:
        run([*download, '-d', folder, pin], log, env=environment)
    except SetupError:
        if not list(temporary.rglob('mmcv/version.py')):
            raise
    (version,) = temporary.rglob('mmcv/version.py')
    source = version.parents[1]
    setup = source / 'setup.py'
    setup.write_text(setup.read_text().replace(READS_LOCALS, READS_A_DICT))
    return source


def _build(python, source, folder, log, **flags):
    command = [python, 'setup.py', 'bdist_wheel', '-d', folder]
    run(command, log, compiler=True, cwd=source, env={**os.environ, **flags})
    (wheel,) = folder.glob('mmcv*.whl')
    return wheel


def _group_wrappers(folder):
    """Replace the C++ files of a folder by two that include half of them each."""
    files = sorted(folder.glob('*.cpp'))
    (folder / 'wrappers').mkdir()
    for file in files:
        file.rename(folder / 'wrappers' / file.name)
    for i in range(2):
        lines = [f'#include "wrappers/{file.name}"\n' for file in files[i::2]]
        (folder / f'group{i}.cpp').write_text(''.join(lines))
