"""The way into every command."""

import os
import re
import subprocess
import sys
from pathlib import Path

from hacdr_cli import run

import pytest

from hacdr.errors import InputError

ROOT = Path(__file__).parents[1]
# Those that stay outside of hacdr's environment have nothing to set.
COMMANDS = sorted(
    path
    for path in (ROOT / 'tools').rglob('*.py')
    if re.search(r'^\s*(from|import) (hacdr|torch)\b', path.read_text(), re.M)
    and '__main__' in path.read_text()
)
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
    'path', COMMANDS, ids=lambda path: str(path.relative_to(ROOT / 'tools'))
)
def test_every_command_sets_the_environment_before_torch_is_loaded(path):
    assert python(WATCH.format(path=str(path))).stdout == '1000\n'


@pytest.mark.parametrize(
    ('variables', 'count'),
    [({'GOMP_SPINCOUNT': '7'}, '7'), ({'OMP_WAIT_POLICY': 'ACTIVE'}, 'None')],
)
def test_what_the_user_set_stays(variables, count):
    path = str(ROOT / 'tools' / 'train.py')
    assert python(WATCH.format(path=path), **variables).stdout == f'{count}\n'


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


@pytest.mark.parametrize(
    ('error', 'code', 'message'),
    [
        (InputError('a.py: no such file'), 2, 'error: a.py: no such file\n'),
        (KeyboardInterrupt(), 130, 'error: interrupted\n'),
    ],
)
def test_one_line_and_an_exit_code(capsys, error, code, message):
    def main():
        raise error

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == code
    assert capsys.readouterr().err == message


def test_a_bug_keeps_its_traceback():
    def main():
        raise KeyError('bug')

    with pytest.raises(KeyError):
        run(main)
