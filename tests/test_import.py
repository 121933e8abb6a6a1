"""What ``import hacdr`` does to a process, and what it needs. Each in a process."""

import hashlib
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from hacdr_cli import COMMANDS, WITHOUT_STACK

import pytest

ROOT = Path(__file__).parents[1]
STOCK_TRAININGS = Path(__file__).with_name('stock_trainings.py')
STACK = ('torch', 'mmcv', 'mmseg')
BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] in {names}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
sys.meta_path.insert(0, Blocked())
"""
NONE = 'import sys; sys.modules.update(dict.fromkeys({names}))\n'
# All that a training of mmseg imports.
REST = """
import mmcv.runner, mmseg.apis, mmseg.core, mmseg.datasets, mmseg.models
"""


def read_last_line(result):
    """Return what a program printed last, as JSON; it has to have ended well."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def python(code, *paths, **environment):
    """Run code with the project on the path, after ``paths``."""
    path = os.pathsep.join(map(str, [*paths, ROOT]))
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code],
        env=dict(os.environ, PYTHONPATH=path, **environment),
        capture_output=True,
        text=True,
    )


def printed(code, *paths):
    return read_last_line(python(code, *paths))


# --- others' parts ----------------------------------------------------------------

REGISTERED = """
import gc, json
from mmcv.utils import Registry
gc.unfreeze()
print(json.dumps({
    f'{registry.scope}.{registry.name}.{key}': f'{part.__module__}.{part.__qualname__}'
    for registry in gc.get_objects() if isinstance(registry, Registry)
    for key, part in registry.module_dict.items()
}))
"""


@pytest.fixture
def check_registered(run_code):
    """Check what is registered beside hacdr against what is registered without."""
    registered = read_last_line(run_code(REST + REGISTERED))
    assert 'mmcv.runner.IterBasedRunner' in registered

    def check(after):
        assert 'hacdr.engine.runner.ResumableIterBasedRunner' in after.values()
        assert {name: after.get(name) for name in registered} == registered

    return check


def test_a_config_that_imports_it_hides_no_part_of_others(run_code, check_registered):
    code = 'import mmcv; mmcv.utils.import_modules_from_strings(["hacdr"])'
    check_registered(read_last_line(run_code(REST + code + REGISTERED)))


def test_imported_first_it_says_nothing_and_hides_nothing(
    tmp_path, run_code_anew, check_registered
):
    mend = 'import warnings; warnings.warn("mend this")'
    # A machine with compilers for CUDA, and no GPU.
    code = 'import hacdr' + REST + mend + REGISTERED
    result = run_code_anew(code, CUDA_HOME=str(tmp_path))
    check_registered(read_last_line(result))
    # What a user can mend is said, and nothing before it.
    assert re.match('.*: UserWarning: mend this\n', result.stderr)


STATE = """
import json, logging, os, random, signal, sys, warnings
import cv2, numpy, torch
def state():
    return [repr(part) for part in (
        dict(os.environ), os.getcwd(), sys.argv, sys.path, sys.excepthook,
        warnings.filters, logging.root.handlers, logging.root.level,
        signal.getsignal(signal.SIGINT), random.getstate(),
        numpy.random.get_state()[1].tolist(), torch.get_rng_state().tolist(),
        torch.get_num_threads(), torch.get_default_dtype(), cv2.getNumThreads(),
        torch.backends.cudnn.benchmark, numpy.geterr(), numpy.get_printoptions(),
    )]
before = state()
import hacdr
after = state()
print(json.dumps([pair for pair in zip(before, after) if pair[0] != pair[1]]))
"""


def test_the_process_is_left_as_it_was(run_code):
    assert read_last_line(run_code(REST + STATE)) == []


def stock_trainings(run_script, beside, folder):
    """Return what trainings of mmcv's runners printed, and their files."""
    folder.mkdir()
    result = run_script(STOCK_TRAININGS, beside, folder=folder)
    assert result.returncode == 0, result.stderr
    files = {
        str(path.relative_to(folder)): os.readlink(path)
        if path.is_symlink()
        else hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob('*.pth')
    }
    return result.stdout.splitlines(), files


def test_trainings_of_others_are_the_same_to_the_last_byte(tmp_path, run_script):
    """Their checkpoints in folders, in sub-folders, on their storage; resumed."""
    said, files = stock_trainings(run_script, 'without', tmp_path / 'without')
    for name in ('iter', 'epoch'):
        assert files[f'{name}/plain/work/latest.pth'] == f'{name}_4.pth'
        assert f'{name}/nested/work/part/{name}_2.pth' in files
        assert f'drawers_{name}_work_{name}_2.pth' in files
    assert sum(line.startswith('resumed at') for line in said) == 2
    assert stock_trainings(run_script, 'with', tmp_path / 'with') == (said, files)


# --- what is missing --------------------------------------------------------------


@pytest.mark.parametrize('block', [BLOCK, NONE], ids=['finder', 'none'])
@pytest.mark.parametrize('missing', [STACK, *STACK], ids=str)
def test_without_the_stack_it_is_importable_and_loads_nothing(missing, block):
    names = [missing] if isinstance(missing, str) else [*missing]
    code = f"""
{block.format(names=names)}
import json
import hacdr, hacdr.errors, hacdr.files
from hacdr.stack import find_missing
heavy = {{*{STACK!r}, 'numpy', 'numba', 'cv2'}}
loaded = [name for name in heavy if sys.modules.get(name)]
print(json.dumps([hacdr.__version__, find_missing(), loaded]))
"""
    version, found_missing, loaded = printed(code)
    assert version
    assert sorted(found_missing) == sorted(names)
    assert loaded == []


def test_scores_can_be_had_without_the_stack(tmp_path):
    path = str(tmp_path / 'results.json')
    code = f"""
{NONE.format(names=STACK)}
import json
import numpy as np
from hacdr.evaluation import (
    Protocol, format_table, read_results, score_image, summarise, ground_truth_bits,
    write_results,
)
label = np.eye(5, dtype=np.uint8)
probabilities = np.eye(5, dtype=np.float32)[label].transpose(2, 0, 1)
scores = [score_image(probabilities, ground_truth_bits(label), threads=2)]
about = dict.fromkeys(
    ['split', 'dataset', 'data_root', 'config', 'checkpoint_sha256', 'probabilities'],
    'a',
)
summary = summarise(scores)
write_results({path!r}, scores, ['a.jpg'], ['a.png'], summary, Protocol(), **about)
content, _ = read_results({path!r})
print(format_table(summary, Protocol(), 1))
loaded = [name for name in {STACK!r} if sys.modules.get(name)]
print(json.dumps([content['packages'], loaded]))
"""
    packages, loaded = printed(code)
    assert set(packages) == {'python', 'hacdr', 'numpy', 'numba', 'cv2'}
    assert loaded == []


@pytest.mark.parametrize('missing', STACK)
def test_a_command_says_what_is_missing(missing):
    code = f"""
{NONE.format(names=[missing])}
import runpy
sys.argv = ['train.py', 'config.py', '--cfg-options', 'a=1']
runpy.run_path({str(ROOT / 'tools' / 'train.py')!r}, run_name='__main__')
"""
    result = python(code)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    package = dict(mmseg='mmsegmentation').get(missing, missing)
    assert line.startswith('error: hacdr needs torch >= 2.1, mmcv 1.7 and')
    assert f'no {package}' in line


@pytest.mark.parametrize('name', WITHOUT_STACK)
def test_a_command_that_needs_no_stack(name):
    code = f"""
{BLOCK.format(names=STACK)}
import hacdr_cli
sys.argv = ['hacdr', {name!r}, 'a', 'b']
hacdr_cli.main()
"""
    result = python(code)
    assert result.returncode == 2
    assert 'error: ' in result.stderr.splitlines()[-1]
    assert 'hacdr needs' not in result.stderr
    assert 'Traceback' not in result.stderr


WATCHED = """
import sys, hacdr_cli
sys.argv = ['hacdr', *{words!r}]
try:
    hacdr_cli.main()
finally:
    print([name for name in {stack!r} if name in sys.modules])
"""


@pytest.mark.parametrize('name', [*itertools.chain(*COMMANDS.values())])
def test_help_does_not_wait_for_the_stack(name):
    result = python(WATCHED.format(words=[name, '--help'], stack=STACK))
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == '[]'


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        ('train none.py', 'none.py: no such config file'),
        ('test none.py a.pth', 'none.py: no such config file'),
        ('test hacdr_idrid a.pth', 'a.pth: no such checkpoint file'),
        ('train hacdr_idrid --load-from a.pth', 'a.pth: no such checkpoint file'),
        ('publish a.pth b.safetensors', 'a.pth: no such checkpoint file'),
        ('released2hacdr a.pth b.pth', 'a.pth: no such checkpoint file'),
        ('cost none.py', 'none.py: no such config file'),
        ('study none.py', 'none.py: no such config file'),
        ('export none a.onnx', 'none: no such file of weights'),
        ('predict none -o a', 'none: no such file or folder of photographs'),
        ('predict . -o a --weights none', 'none: no such file of weights'),
        ('train none.py --cfg-options a=1', 'none.py: no such config file'),
        ('train none.py --seed a', "argument --seed: invalid int value: 'a'"),
    ],
)
def test_what_is_missing_is_told_before_the_stack_is_loaded(words, told):
    result = python(WATCHED.format(words=words.split(), stack=STACK))
    assert result.returncode == 2
    assert told in result.stderr.splitlines()[-1]
    assert result.stdout.splitlines() == ['[]']


def test_check_env_tells_what_is_missing(run_code):
    result = run_code(
        f"{NONE.format(names=['torch'])}import hacdr_cli; hacdr_cli.main('check-env')"
    )
    assert result.returncode == 0, result.stderr
    lines = dict(line.split(':', 1) for line in result.stdout.splitlines())
    assert lines['torch'].strip() == 'missing'
    assert lines['numpy'].strip()


def test_a_command_that_needs_the_stack_has_it():
    result = python(WATCHED.format(words=['check-env'], stack=STACK))
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == str([*STACK])


OPTIONAL = (
    *('fcntl', 'resource', 'numba', 'jinja2', 'matplotlib', 'safetensors', 'scipy'),
    *('tqdm', 'tensorboard', 'onnxruntime'),
)


def test_what_only_some_parts_need_is_not_needed_to_import(run_code):
    """Of those that mmseg loads too, only what hacdr itself asks for is blocked."""
    code = f"""
{REST}
{NONE.format(names=OPTIONAL)}
import hacdr, json
from mmseg.models.builder import MODELS
print(json.dumps([hacdr.__version__, MODELS.get('HACDR').__module__]))
"""
    assert read_last_line(run_code(code))[1] == 'hacdr.models.backbones.hacdr'


@pytest.mark.parametrize('broken', ['hacdr.engine.runner', 'hacdr.compat'])
def test_an_import_that_fails_is_not_hidden(broken, run_code):
    result = run_code(NONE.format(names=[broken]) + 'import hacdr')
    assert result.returncode == 1
    assert f'import of {broken} halted' in result.stderr.splitlines()[-1]


# --- what is of another version ---------------------------------------------------


def fake(folder, **versions):
    """Make packages that hold a version and, as mmseg does, refuse to be imported."""
    for name, version in versions.items():
        (folder / name).mkdir()
        (folder / name / 'version.py').write_text(f"__version__ = '{version}'\n")
        (folder / name / '__init__.py').write_text("raise AssertionError('imported')\n")


GOES_ON = """
import sys, hacdr_cli
sys.argv = ['hacdr', 'config', 'hacdr_ddr']
print(hacdr_cli.main())
"""


@pytest.mark.parametrize(
    ('mmcv', 'mmseg'),
    [
        ('2.1.0', '1.2.2'),
        ('1.7.2', '1.2.2'),
        ('2.1.0', '0.30.0'),
        # That of the paper, and the last mmseg before 0.30.
        ('1.6.2', '0.30.0'),
        ('1.7.2', '0.29.1'),
    ],
)
def test_another_version_is_told_in_one_line(tmp_path, mmcv, mmseg):
    fake(tmp_path, mmcv=mmcv, mmseg=mmseg)
    line = 'hacdr needs torch >= 2.1, mmcv 1.7 and mmsegmentation 0.30, found torch '
    found = f', mmcv {mmcv}, mmseg {mmseg}'
    result = python('import hacdr', tmp_path)
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f'hacdr.errors.StackError: {line}')
    assert last.endswith(found)
    caught = 'try:\n    import hacdr\nexcept ImportError as error:\n    print(error)'
    assert python(caught, tmp_path).stdout.startswith(line)
    for command in ['check_env.py'], ['train.py', 'a.py'], ['predict.py', '.', '-oa']:
        path = str(ROOT / 'tools' / command[0])
        code = f'import runpy, sys; sys.argv = {command}\n'
        code += f'runpy.run_path({path!r}, run_name="__main__")'
        result = python(code, tmp_path)
        assert result.returncode == 2
        (told,) = result.stderr.splitlines()
        assert told.startswith(f'error: {line}')
        assert told.endswith(found)
    # What needs none of them does not mind.
    assert python(GOES_ON, tmp_path).stdout.splitlines()[-1] == 'None'


def test_torch_of_the_paper_is_told_in_one_line(tmp_path):
    fake(tmp_path, torch='1.10.2+cu102', mmcv='1.7.2', mmseg='0.30.0')
    told = python('import hacdr', tmp_path).stderr.splitlines()[-1]
    assert told.endswith('found torch 1.10.2+cu102, mmcv 1.7.2, mmseg 0.30.0')


def test_a_folder_of_the_same_name_is_not_the_package(tmp_path):
    """As where a program is run beside a folder 'mmseg' of its results."""
    (tmp_path / 'mmseg').mkdir()
    code = f"""
import sys
sys.path = [{str(tmp_path)!r}, {str(ROOT)!r}, *(p for p in sys.path if 'lib' in p
            and 'site-packages' not in p)]
import hacdr, json
from hacdr.stack import find_missing
print(json.dumps(find_missing()))
"""
    assert 'mmseg' in printed(code)
