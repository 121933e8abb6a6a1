import os

import mmcv
import pytest
import torch

from hacdr import mmcv_ext
from hacdr.engine import environment
from hacdr.engine.environment import describe_environment
from hacdr.errors import InputError


def nvidia_smi(folder, lines, monkeypatch):
    """Put an nvidia-smi first on the path that prints lines."""
    path = folder / 'nvidia-smi'
    path.write_text('#!/bin/sh\n' + ''.join(f'echo "{line}"\n' for line in lines))
    path.chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}:{os.environ["PATH"]}')


def test_it_names_versions_and_kernels(monkeypatch):
    monkeypatch.delenv('HACDR_MDCONV', raising=False)
    lines = describe_environment()
    assert lines['mmcv'].startswith('1.')
    assert lines['kernel on cpu'] == 'numba'


def test_it_tells_compiled_operators_from_the_stand_in(monkeypatch):
    monkeypatch.setattr(mmcv, '_ext', mmcv_ext, raising=False)
    assert describe_environment()['operators of mmcv'].startswith('none, a stand-in')

    class Compiled:
        @staticmethod
        def get_compiling_cuda_version():
            return 'not available'

    monkeypatch.setattr(mmcv, '_ext', Compiled)
    assert describe_environment()['operators of mmcv'] == 'compiled for the CPU'


@pytest.mark.parametrize(
    ('version', 'stack'),
    [('2.11.0+cu130', 'current'), ('2.1.2', 'classic'), ('1.10.2', 'none of the two')],
)
def test_it_names_the_stack(version, stack, monkeypatch):
    monkeypatch.setattr(torch, '__version__', version)
    assert describe_environment()['stack'].startswith(stack)


def test_a_card_that_torch_cannot_use_is_named(tmp_path, monkeypatch):
    nvidia_smi(tmp_path, ['Tesla V100-SXM2-16GB, 535.104.05'] * 2, monkeypatch)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    gpu = describe_environment()['GPU']
    assert gpu.startswith('Tesla V100-SXM2-16GB with driver 535.104.05 cannot be used')
    assert f'torch {torch.__version__} is built for' in gpu


def test_a_card_that_is_too_old_is_named(monkeypatch):
    for name, value in (
        ('is_available', True),
        ('device_count', 1),
        ('get_device_name', 'Tesla V100'),
        ('get_device_capability', (7, 0)),
        ('get_arch_list', ['sm_75', 'sm_90', 'compute_120']),
    ):
        monkeypatch.setattr(torch.cuda, name, lambda *args, value=value: value)
    gpu = environment._describe_gpus()
    assert gpu.startswith('1 x Tesla V100; cuda:0 cannot be used')
    assert 'compute capability 7.0' in gpu
    assert gpu.endswith('needs 7.5')


def test_without_nvidia_smi_there_is_no_card(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(environment.shutil, 'which', lambda name: None)
    assert describe_environment()['GPU'] == 'none'


@pytest.mark.parametrize('kernel', ['numba', 'torch'])
def test_the_operator_runs_on_the_device(kernel, monkeypatch):
    monkeypatch.setenv('HACDR_MDCONV', kernel)
    assert describe_environment()['kernel on cpu'] == kernel


def test_an_operator_that_does_not_run_is_an_input_error(monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError('no kernel image is available\nmore')

    monkeypatch.setattr(environment, 'modulated_deform_conv2d', broken)
    with pytest.raises(InputError, match='does not run on cpu: no kernel image is a'):
        describe_environment()


def test_an_operator_that_is_wrong_is_an_input_error(monkeypatch):
    def zeros(x, *args, **kwargs):
        return torch.zeros_like(x)

    monkeypatch.setattr(environment, 'modulated_deform_conv2d', zeros)
    with pytest.raises(InputError, match='wrong results on cpu'):
        describe_environment()


def test_a_kernel_that_is_none_is_an_input_error(monkeypatch):
    monkeypatch.setenv('HACDR_MDCONV', 'fast')
    with pytest.raises(InputError, match="got 'fast'"):
        describe_environment()


def test_the_tool_prints_a_line_each(run_script):
    result = run_script('tools/check_env.py', HACDR_MDCONV='torch')
    assert result.returncode == 0, result.stderr
    assert 'kernel on cpu:              torch' in result.stdout.splitlines()
    assert result.stderr == ''
