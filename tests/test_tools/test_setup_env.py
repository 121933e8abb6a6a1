import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

TOOLS = Path(__file__).parents[2] / 'tools'


@pytest.fixture
def setup_env(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(TOOLS))
    module = importlib.import_module('setup_env')
    monkeypatch.setattr(module, 'CACHE', tmp_path)
    return module


@pytest.fixture
def stack(setup_env):
    return setup_env.stack


@pytest.fixture
def choice(stack):
    return stack.Choice(stack.CURRENT, sys.executable, '3.11.7', 'stack: current')


def stub(folder, name, text):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(0o755)


def find_python(path, *args):
    return subprocess.run(
        ['/bin/sh', str(TOOLS / 'setup_env.sh'), *args],
        env=dict(os.environ, PATH=f'{path}:/usr/bin:/bin'),
        capture_output=True,
        text=True,
    )


def test_a_python_that_does_not_run_is_passed_over(tmp_path):
    for minor in range(9, 15):
        stub(tmp_path / 'bin', f'python3.{minor}', 'echo "command not found"; exit 127')
    stub(tmp_path / 'bin', 'python3', 'exit 1')
    stub(tmp_path / 'bin', 'python3.8', 'echo chosen "$@"')
    result = find_python(tmp_path / 'bin', '--which')
    assert result.stdout.startswith('chosen')
    assert result.stdout.strip().endswith('setup_env.py --which')


def test_no_supported_python_is_one_line(tmp_path):
    for name in ('python3', *(f'python3.{minor}' for minor in range(8, 15))):
        stub(tmp_path / 'bin', name, 'exit 1')
    result = find_python(tmp_path / 'bin')
    assert result.returncode == 2
    assert result.stderr.startswith('error: no Python 3.8 to 3.14 found')
    assert result.stderr.count('\n') == 1


def test_which_before_setup_is_one_line(tmp_path):
    result = subprocess.run(
        [sys.executable, str(TOOLS / 'setup_env.py'), '--which'],
        env=dict(os.environ, XDG_CACHE_HOME=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert result.stderr == 'error: no environment yet; run: make setup\n'


def test_no_compiler_means_no_operators(setup_env, tmp_path, monkeypatch):
    monkeypatch.setattr(setup_env.mmcv_wheel.shutil, 'which', lambda name: None)
    why = setup_env.mmcv_wheel.why_not_compiled(sys.executable)
    assert why == 'no C++ compiler was found (c++, g++, clang++)'


def test_no_header_of_python_means_no_operators(setup_env, tmp_path, monkeypatch):
    stub(tmp_path, 'python', 'echo False')
    monkeypatch.setattr(setup_env.mmcv_wheel.shutil, 'which', lambda name: name)
    why = setup_env.mmcv_wheel.why_not_compiled(str(tmp_path / 'python'))
    assert why.startswith('Python.h was not found')


def test_a_compiler_that_fails_means_no_operators(
    setup_env, choice, tmp_path, monkeypatch, capsys
):
    installed = []

    def fail(*args):
        raise setup_env.SetupError('CUDA 12.4 is not 13.0')

    monkeypatch.setattr(setup_env.mmcv_wheel, 'compile_operators', fail)
    monkeypatch.setattr(
        setup_env.mmcv_wheel, 'build_without_operators', lambda *args: 'plain.whl'
    )
    monkeypatch.setattr(
        setup_env, 'run', lambda command, log: installed.append(command[-1])
    )
    setup_env.install_mmcv(choice, True, tmp_path / 'python', ['pip'], tmp_path / 'log')
    assert installed == ['plain.whl']
    said = capsys.readouterr().out.splitlines()
    assert said == ['  CUDA 12.4 is not 13.0', '  mmcv comes without its operators']


def source_package(folder, text):
    """What pip leaves unpacked of mmcv-full in its temporary folder."""
    source = folder / 'pip-download-1' / 'mmcv-full_1'
    (source / 'mmcv').mkdir(parents=True)
    (source / 'mmcv' / 'version.py').write_text("__version__ = '1.7.2'\n")
    (source / 'setup.py').write_text(text)


def test_mmcvs_version_is_read_on_python_3_13(setup_env, tmp_path, monkeypatch):
    """Its setup.py fails when pip runs it; what is built has it mended."""
    wheel = setup_env.mmcv_wheel
    text = f"""def get_version():
    version_file = 'mmcv/version.py'
    with open(version_file, encoding='utf-8') as f:
{wheel.READS_LOCALS}
print(get_version())
"""

    def run(command, log, **kwargs):
        if 'download' in command:
            source_package(Path(kwargs['env']['TMPDIR']), text)
            raise setup_env.SetupError('metadata-generation-failed')
        assert kwargs['env']['MMCV_WITH_OPS'] == '0'
        source = kwargs['cwd']
        assert (source / 'mmcv' / '_ext.py').read_text() == wheel.STAND_IN.read_text()
        said = subprocess.check_output([sys.executable, 'setup.py'], cwd=source)
        assert said == b'1.7.2\n'
        (tmp_path / 'mmcv-1.7.2-py3-none-any.whl').touch()

    monkeypatch.setattr(wheel, 'run', run)
    built = wheel.build_without_operators('python', 'mmcv-full==1.7.2', tmp_path, 'log')
    assert built.name == 'mmcv-1.7.2-py3-none-any.whl'


def test_a_source_package_that_cannot_be_fetched(setup_env, tmp_path, monkeypatch):
    def run(command, log, **kwargs):
        raise setup_env.SetupError('the package index cannot be reached')

    monkeypatch.setattr(setup_env.mmcv_wheel, 'run', run)
    with pytest.raises(setup_env.SetupError, match='index cannot be reached'):
        setup_env.mmcv_wheel.build_without_operators('python', 'pin', tmp_path, 'log')


def test_a_full_disk(setup_env, choice, tmp_path, monkeypatch):
    class Usage:
        free = 1e9

    monkeypatch.setattr(setup_env.shutil, 'disk_usage', lambda path: Usage)
    with pytest.raises(setup_env.SetupError, match=r'1\.0 GB free.*needs 8 GB'):
        setup_env.build(choice, True, tmp_path / 'env', tmp_path / 'python')


def test_no_network(setup_env, tmp_path):
    message = 'NewConnectionError: Temporary failure in name resolution'
    command = ['sh', '-c', f'echo "{message}"; exit 1']
    with pytest.raises(setup_env.SetupError, match='index cannot be reached'):
        setup_env.run(command, tmp_path / 'log')
    assert message in (tmp_path / 'log').read_text()


def test_the_key_follows_what_is_built(setup_env, stack, choice, tmp_path, monkeypatch):
    classic = choice._replace(stack=stack.CLASSIC)
    newer = choice._replace(version='3.12.1')
    keys = [setup_env.key(c, True) for c in (choice, classic, newer)]
    keys.append(setup_env.key(choice, False))
    monkeypatch.setattr(setup_env, 'RECIPE', setup_env.RECIPE + 1)
    keys.append(setup_env.key(choice, True))
    monkeypatch.setattr(stack, 'CONSTRAINTS', tmp_path)
    for name in stack.STACKS:
        (tmp_path / f'{name}.txt').write_text('torch==3.0\n')
    keys.append(setup_env.key(choice, True))
    assert len(set(keys)) == len(keys)


def test_an_interrupted_build_goes_on(setup_env, choice, tmp_path, monkeypatch):
    done = []
    environment = tmp_path / 'env'

    def create(python, folder, log):
        folder.mkdir()
        done.append('create')

    def run(command, log, **kwargs):
        done.append('run')
        if done.count('run') == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(setup_env, 'create', create)
    monkeypatch.setattr(setup_env, 'run', run)
    monkeypatch.setattr(setup_env, 'install_mmcv', lambda *args: done.append('mmcv'))
    monkeypatch.setattr(setup_env, 'check', lambda python: done.append('check'))
    with pytest.raises(KeyboardInterrupt):
        setup_env.build(choice, True, environment, tmp_path / 'python')
    assert done == ['create', 'run', 'run']
    setup_env.build(choice, True, environment, tmp_path / 'python')
    assert done == ['create', 'run', 'run', 'run', 'mmcv', 'run', 'check']


def gpu(stack, driver, capability):
    return stack.Gpu('NVIDIA X', driver, capability)


@pytest.mark.parametrize(
    ('cards', 'python_of_current', 'expected', 'why'),
    [
        ([], True, 'current', ''),
        ([], False, 'classic', 'the current one needs Python 3.10 to 3.14'),
        ([(580, 9.0)], True, 'current', ''),
        ([(580, 12.0)], True, 'current', ''),
        ([(580, 9.0)], False, 'classic', 'the current one needs'),
        ([(535, 9.0)], True, 'classic', 'driver 535: torch 2.11 needs driver 580'),
        ([(580, 7.0)], True, 'classic', 'and compute capability 7.5'),
        # One of them will do.
        ([(580, 7.0), (580, 7.5)], True, 'current', ''),
        # Neither stack can use it.
        ([(570, 12.0)], True, 'current', 'training on the CPU'),
        ([(470, 0.0)], True, 'current', 'training on the CPU'),
    ],
)
def test_the_stack_follows_the_machine(stack, cards, python_of_current, expected, why):
    gpus = [gpu(stack, *card) for card in cards]
    chosen, said = stack.choose_stack(gpus, python_of_current)
    assert chosen.name == expected
    assert why in said
    assert bool(why) == bool(said)


def test_what_nvidia_smi_says(stack, tmp_path, monkeypatch):
    stub(tmp_path, 'nvidia-smi', 'echo "NVIDIA H100 80GB HBM3, 580.65.06, 9.0"')
    monkeypatch.setenv('PATH', str(tmp_path))
    assert stack.find_gpus() == [('NVIDIA H100 80GB HBM3', 580, 9.0)]


def test_a_driver_that_does_not_know_compute_cap(stack, tmp_path, monkeypatch):
    stub(
        tmp_path,
        'nvidia-smi',
        'case "$1" in *compute_cap) echo "not a valid field"; exit 2;; esac\n'
        'echo "Tesla K80, 470.1.2"',
    )
    monkeypatch.setenv('PATH', str(tmp_path))
    assert stack.find_gpus() == [('Tesla K80', 470, 0.0)]


@pytest.mark.parametrize('text', ['exit 9', 'echo "No devices were found"'])
def test_no_card(stack, text, tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert stack.find_gpus() == []
    stub(tmp_path, 'nvidia-smi', text)
    assert stack.find_gpus() == []


def test_an_old_driver_gets_classic_where_a_python_allows(stack, monkeypatch):
    monkeypatch.setattr(stack, 'find_gpus', lambda: [gpu(stack, 535, 8.0)])
    monkeypatch.setattr(stack, 'find_python', lambda s: ('/bin/python', '3.11.7'))
    chosen = stack.choose()
    assert chosen.stack is stack.CLASSIC
    assert chosen.line == (
        'stack: classic (torch 2.1, Python 3.11.7; NVIDIA X with driver 535: torch '
        '2.11 needs driver 580 and compute capability 7.5)'
    )
    monkeypatch.setattr(
        stack,
        'find_python',
        lambda s: ('/bin/python', '3.13.5') if s is stack.CURRENT else None,
    )
    chosen = stack.choose()
    assert chosen.stack is stack.CURRENT
    assert chosen.line.endswith('no Python 3.8 to 3.11 was found: training on the CPU)')


@pytest.mark.parametrize('name', ['current', 'classic'])
def test_a_forced_stack(stack, name, monkeypatch):
    monkeypatch.setattr(stack, 'find_python', lambda s: ('/bin/python', '3.10.1'))
    assert stack.choose(name).stack.name == name
    monkeypatch.setattr(stack, 'find_python', lambda s: None)
    with pytest.raises(stack.SetupError, match=f'the {name} stack needs Python 3'):
        stack.choose(name)


def test_a_stack_that_is_none(stack):
    with pytest.raises(stack.SetupError, match="'current' or 'classic', got 'new'"):
        stack.choose('new')


def test_the_newest_python_that_makes_environments(stack, tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setattr(stack.sys, 'version_info', (3, 15, 0))
    assert stack.find_python(stack.CURRENT) is None
    stub(tmp_path, 'python3.14', 'echo "No module named ensurepip" >&2; exit 1')
    stub(tmp_path, 'python3.12', 'echo 3.12.1')
    stub(tmp_path, 'python3.10', 'echo 3.10.9')
    path = str(tmp_path / 'python3.12')
    assert stack.find_python(stack.CURRENT) == (path, '3.12.1')
    path = str(tmp_path / 'python3.10')
    assert stack.find_python(stack.CLASSIC) == (path, '3.10.9')


@pytest.mark.parametrize('name', ['current', 'classic'])
def test_the_constraints_pin_what_is_imported(stack, name):
    """On each Python of the stack every package has one version."""
    text = stack.STACKS[name].constraints.read_text()
    oldest, newest = stack.STACKS[name].pythons
    lines = [line for line in text.splitlines() if not line.startswith('#')]
    for minor in range(oldest[1], newest[1] + 1):
        pinned = []
        for line in lines:
            requirement = Requirement(line)
            marker = requirement.marker
            if not marker or marker.evaluate({'python_version': f'3.{minor}'}):
                pinned.append(requirement.name)
        assert len(pinned) == len(set(pinned))
        assert {
            'torch', 'torchvision', 'numpy', 'numba', 'scipy', 'pytest', 'setuptools',
            'opencv-python-headless', 'pillow', 'matplotlib', 'safetensors', 'tqdm',
            'jinja2', 'addict', 'yapf', 'pyyaml', 'prettytable', 'pytest-xdist',
        } <= set(pinned)  # fmt: skip
