"""The way into every command."""

import itertools
import os
import platform
import re
import runpy
import subprocess
import sys
from pathlib import Path

import hacdr_cli
from hacdr_cli import COMMANDS, EXTRAS, REQUIRED, main, run, run_command

import pytest
import torch

import hacdr
from hacdr.conversion import READERS
from hacdr.errors import InputError
from hacdr.shipped import find_config

from .processes import is_alive, wait_until

ROOT = Path(__file__).parents[1]
NAMES = [name for names in COMMANDS.values() for name in names]
# Those that stay outside of hacdr's environment have nothing to set, and what launch.py
# starts sets it itself.
SCRIPTS = sorted(
    path
    for path in (ROOT / 'tools').rglob('*.py')
    if re.search(r'^\s*(from|import) (hacdr|hacdr_cli|torch)\b', path.read_text(), re.M)
    and '__main__' in path.read_text()
    and path.name != 'launch.py'
)
FEWER = '(expected smaller images or fewer at once)'
# Ends the process as soon as anything looks for torch.
WATCH = """
import os, runpy, sys
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == 'torch':
            print(os.environ.get('GOMP_SPINCOUNT'), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Watch())
sys.argv = [{path!r}, '--help']
runpy.run_path({path!r}, run_name='__main__')
"""


def environment(**variables):
    kept = {k: v for k, v in os.environ.items() if 'GOMP' not in k and 'OMP_W' not in k}
    return dict(kept, PYTHONPATH=str(ROOT), **variables)


def python(code, **variables):
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize(
    'path', SCRIPTS, ids=lambda path: str(path.relative_to(ROOT / 'tools'))
)
def test_every_script_sets_the_environment_before_torch_is_loaded(path):
    assert python(WATCH.format(path=str(path))).stdout == '1000\n'


@pytest.mark.parametrize(
    ('variables', 'count'),
    [({'GOMP_SPINCOUNT': '7'}, '7'), ({'OMP_WAIT_POLICY': 'ACTIVE'}, 'None')],
)
def test_what_the_user_set_stays(variables, count):
    path = str(ROOT / 'tools' / 'train.py')
    assert python(WATCH.format(path=path), **variables).stdout == f'{count}\n'


@pytest.mark.parametrize('given', [None, '7'])
def test_the_package_as_a_command_begins_again_where_it_was_not_set(given, monkeypatch):
    """Importing the package has loaded torch by then."""
    begun = []

    def begin_again(program, command):
        begun.append((program, command[-1], os.environ['GOMP_SPINCOUNT']))
        raise SystemExit

    monkeypatch.setattr(os, 'execv', begin_again)
    monkeypatch.setattr(sys, 'argv', ['hacdr', 'nothing'])
    monkeypatch.setattr(sys, 'orig_argv', ['python', '-m', 'hacdr', 'nothing'])
    monkeypatch.delitem(sys.modules, 'hacdr_cli')
    monkeypatch.delenv('OMP_WAIT_POLICY', raising=False)
    monkeypatch.setenv('GOMP_SPINCOUNT', given or '0')
    if not given:
        monkeypatch.delenv('GOMP_SPINCOUNT')
    with pytest.raises(SystemExit):
        runpy.run_module('hacdr', run_name='__main__')
    assert begun == ([] if given else [(sys.executable, 'nothing', '1000')])


@pytest.mark.parametrize(
    ('words', 'printed'),
    [
        (['--version'], f'hacdr {hacdr.__version__}'),
        (['config', 'hacdr_ddr'], find_config('hacdr_ddr')),
    ],
    ids=['version', 'config'],
)
def test_the_package_as_a_command(words, printed):
    result = subprocess.run(
        [sys.executable, '-X', 'importtime', '-m', 'hacdr', *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == f'{printed}\n'
    if sys.version_info >= (3, 10):
        # Older ones do not tell that they are on the way to __main__.
        loaded = [line.split('|')[-1].strip() for line in result.stderr.splitlines()]
        assert 'hacdr' in loaded
        assert not {*loaded} & {'torch', 'numpy'}
        assert loaded.count('site') == 1, 'Python was started twice'


def test_the_package_as_a_command_has_all_its_parts(run_code):
    """Python imports the package before it comes to __main__."""
    code = (
        'import runpy, sys\n'
        "sys.argv = ['-m', 'cost', 'none.py']\n"
        "sys.orig_argv = ['python', '-m', 'hacdr', 'cost', 'none.py']\n"
        "runpy.run_module('hacdr', run_name='__main__')\n"
    )
    result = run_code(code, GOMP_SPINCOUNT='1000')
    assert result.stderr.startswith('error: none.py: no such config file')


def test_openmp_reads_it_when_torch_is_loaded():
    code = 'import hacdr_cli, torch; print(torch.__config__.parallel_info())'
    result = python(code, OMP_DISPLAY_ENV='VERBOSE')
    if 'GOMP_SPINCOUNT' not in result.stderr:
        pytest.skip("torch runs on another library than GNU's OpenMP")
    assert "GOMP_SPINCOUNT = '1000'" in result.stderr


def test_it_loads_nothing():
    code = 'import sys; before = {*sys.modules}; import hacdr_cli\n'
    code += "print(sorted({*sys.modules} - before - {'hacdr_cli'}))"
    assert python(code).stdout == '[]\n'


def test_help_lists_every_command_and_loads_nothing():
    code = 'import sys; before = {*sys.modules}; import hacdr_cli; hacdr_cli.main()\n'
    code += 'print(" ".join({*sys.modules} - before))'
    *lines, loaded = python(code).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    listed = [line.split()[0] for line in lines if line.startswith('  ')]
    assert listed == NAMES
    loaded = {name.split('.')[0] for name in loaded.split()}
    assert not loaded & {'hacdr', 'torch', 'mmcv', 'mmseg', 'numpy', 'numba', 'cv2'}


def test_every_command_is_listed():
    modules = {path.stem for path in (ROOT / 'hacdr' / 'commands').glob('*.py')}
    commands = {name.replace('-', '_') for name in NAMES}
    assert modules - commands == {'__init__', 'arguments'}
    assert commands <= modules


@pytest.mark.parametrize('name', NAMES)
def test_every_command_explains_its_arguments(name, capsys):
    with pytest.raises(SystemExit) as caught:
        run_command(name, ['--help'])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f'usage: hacdr {name}')


def tools():
    """Yield (path of a tool, words of its command)."""
    for path in sorted((ROOT / 'tools').rglob('*.py')):
        found = re.search(r'^    main\((.*)\)$', path.read_text(), re.M)
        if found and 'hacdr_cli import main' in path.read_text():
            yield path, [word.strip("' ") for word in found[1].split(',')]


def test_every_tool_is_a_command():
    words = [tuple(words) for _, words in tools()]
    # In a clone the configs lie open.
    assert {name for name, *_ in words} == {*NAMES} - {'config'}
    assert len(set(words)) == len(words)
    assert {rest[0] for name, *rest in words if name == 'convert'} <= {*READERS}


def test_an_unknown_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, 'argv', ['hacdr', 'trian'])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith('error: trian: no such command')


def test_an_empty_argument():
    with pytest.raises(InputError, match='one argument is empty'):
        run_command('predict', ['photographs', '-o', ''])


def test_it_ends_with_its_parent():
    """As the trainings of a study do."""
    child = 'import hacdr_cli, os, time; hacdr_cli._end_with(os.getppid())\n'
    child += 'print(os.getpid(), flush=True); time.sleep(60)'
    code = f'import subprocess, sys; subprocess.run([sys.executable, "-c", {child!r}])'
    parent = subprocess.Popen(
        [sys.executable, '-c', code],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    wait_until(lambda: not is_alive(pid), 30)


@pytest.mark.parametrize(
    ('error', 'code', 'message'),
    [
        (InputError('a.py: no such file'), 2, 'error: a.py: no such file\n'),
        (KeyboardInterrupt(), 130, 'error: interrupted\n'),
        (OSError(28, 'No space left', 'a.json'), 2, 'error: a.json: No space left\n'),
        (OSError(28, 'No space left'), 2, 'error: writing: No space left\n'),
        (IsADirectoryError(21, 'Is a folder', 'a'), 2, 'error: a: Is a folder\n'),
        (OSError(36, 'Too long', 'a'), 2, 'error: a: Too long\n'),
        (OSError(40, 'Links in a circle', 'a'), 2, 'error: a: Links in a circle\n'),
        (MemoryError(), 2, f'error: no memory left {FEWER}\n'),
        (torch.cuda.OutOfMemoryError('CUDA'), 2, f'error: CUDA {FEWER}\n'),
    ],
)
def test_one_line_and_an_exit_code(capsys, error, code, message):
    def fail():
        raise error

    with pytest.raises(SystemExit) as caught:
        run(fail)
    assert caught.value.code == code
    assert capsys.readouterr().err == message


def test_a_bug_keeps_its_traceback_and_says_how_to_report_it(run_code):
    result = run_code('from hacdr_cli import run; run(lambda: {}["bug"])')
    assert result.returncode == 1
    *traceback, report = result.stderr.splitlines()
    assert traceback[0].startswith('Traceback')
    assert traceback[-1] == "KeyError: 'bug'"
    assert report.startswith('KeyError: a bug of hacdr')
    assert 'hacdr check-env' in report


def test_a_package_of_an_extra_that_is_missing(capsys):
    def missing(name):
        raise ModuleNotFoundError(f'No module named {name!r}', name=name)

    with pytest.raises(SystemExit) as ended:
        run(lambda: missing('matplotlib'), needs_stack=False)
    assert ended.value.code == 2
    line = "error: the package matplotlib is missing: pip install 'hacdr[report]'\n"
    assert capsys.readouterr().err == line
    with pytest.raises(ModuleNotFoundError, match='another'):
        run(lambda: missing('another'), needs_stack=False)


@pytest.mark.parametrize(
    ('module', 'package', 'command'),
    [
        ('cv2', 'opencv-python', 'predict'),
        ('jinja2', 'jinja2', 'report'),
        ('PIL', 'pillow', 'browse'),
        ('numpy', 'numpy', 'stats'),
    ],
)
def test_a_package_that_is_required_and_missing(module, package, command):
    # An entry that is None makes Python say that there is no such module.
    code = f'import sys; sys.modules[{module!r}] = None; import hacdr_cli\n'
    code += f'hacdr_cli.main({command!r}, {str(ROOT / "configs")!r})'
    result = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        env=environment(),
        capture_output=True,
        text=True,
    )
    line = f'error: the package {package} is missing, which hacdr requires: '
    assert result.stderr == f'{line}pip install {package}\n'
    assert result.returncode == 2


def test_all_that_setup_requires_is_named():
    text = (ROOT / 'setup.py').read_text()
    listed = re.search(r'install_requires=\[(.*?)\]', text, re.S)[1]
    assert {*re.findall(r"'(\w+)", listed), 'opencv-python'} == {*REQUIRED.values()}


def test_extras_have_what_their_packages_are_missing():
    text = (ROOT / 'setup.py').read_text()
    for package, extra in EXTRAS.items():
        assert re.search(rf"'{extra}': \[[^]]*'{package}\b", text)


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='a setting of glibc')
@pytest.mark.parametrize('kept', [False, True])
def test_freed_memory_is_kept(kept):
    code = f"""
import resource, hacdr_cli
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
if {kept}:
    hacdr_cli.keep_freed_memory()
bytes(range(256)) * 300_000
before = faults()
bytes(range(256)) * 300_000
print(faults() - before)
"""
    result = subprocess.run([sys.executable, '-c', code], capture_output=True, cwd=ROOT)
    pages = int(result.stdout)
    assert (pages < 1000) if kept else (pages > 10_000), result.stderr


HELD = """
import sys, hacdr_cli
sys.argv = ['hacdr', 'config', 'hacdr_ddr']
hacdr_cli.main()
import hacdr
print('hacdr.models' in sys.modules)
"""


def test_what_follows_a_command_in_one_process_has_all_parts(run_code):
    """As in a notebook, where a command without torch went before."""
    assert run_code(HELD).stdout.splitlines()[-1] == 'True'


@pytest.mark.parametrize('words', [['--device', 'cpu'], ['--device=cpu'], []])
def test_a_training_on_the_cpu_sees_no_gpu(monkeypatch, words):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '0')
    monkeypatch.setattr(sys, 'argv', ['hacdr', 'train', 'a.py', *words])
    seen = []

    def see(main, needs_stack):
        seen.append(os.environ['CUDA_VISIBLE_DEVICES'])

    monkeypatch.setattr(hacdr_cli, 'run', see)
    hacdr_cli.main()
    assert seen == ['-1' if words else '0']


def test_help_keeps_lists_and_fits_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv('COLUMNS', '80')
    for name in itertools.chain(*COMMANDS.values()):
        with pytest.raises(SystemExit):
            hacdr_cli.run_command(name, ['--help'])
        told = capsys.readouterr().out
        assert max(map(len, told.splitlines())) <= 80, name
        assert ('\n  label_maps ' in told) == (name == 'convert')


@pytest.mark.parametrize('words', ['--help', 'config', 'config --help'])
def test_a_reader_that_has_gone_is_no_bug(words):
    command = f'"{sys.executable}" -m hacdr {words} | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(['bash', '-c', command], capture_output=True, text=True)
    assert done.stdout.strip() in ('0', '141')
    assert done.stderr == ''


@pytest.mark.parametrize(
    ('words', 'closed', 'code'),
    [
        ('config', '>&-', 0),
        ('config', '<&- >&- 2>&-', 0),
        ('predict', '>&-', 2),
        ('stats gone', '2>&-', 2),
        ('predict gone', '>&- 2>&-', 2),
        ('trian', '2>&-', 2),
    ],
)
def test_streams_that_are_closed(words, closed, code):
    command = f'"{sys.executable}" -m hacdr {words} {closed}'
    done = subprocess.run(
        ['bash', '-c', command], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == code
    assert 'Traceback' not in done.stderr
    assert ('usage' in done.stderr) == (words == 'predict')


def test_what_is_opened_for_closed_streams_takes_their_numbers():
    code = 'import hacdr_cli, os; hacdr_cli._open_closed_streams()\n'
    code += 'file = open(os.devnull); os._exit(file.fileno())'
    done = subprocess.run(
        ['bash', '-c', f'"{sys.executable}" -c \'{code}\' <&- >&- 2>&-'], cwd=ROOT
    )
    assert done.returncode == 3
