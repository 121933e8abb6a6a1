import subprocess
import sys

import pytest

from hacdr import mmcv_ext

# mmcv of this environment as somebody has it who installed it without operators.
PLAIN_MMCV = """
import importlib.machinery, importlib.util, sys
sys.modules.pop('mmcv._ext', None)
spec = importlib.util.spec_from_file_location('stand_in', {path!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *args: None if name == 'mmcv._ext' else find(name, *args))
"""


def run(code):
    code = PLAIN_MMCV.format(path=mmcv_ext.__file__) + code
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True
    )


def test_mmcv_without_operators_does_not_import_by_itself():
    result = run('import mmcv.ops')
    assert "No module named 'mmcv._ext'" in result.stderr


def test_the_stand_in_lets_mmseg_import_and_names_what_is_called():
    result = run("""
assert module.stand_in()
assert not module.stand_in()
import mmcv.ops, mmseg.apis, torch
assert mmcv.ops.get_compiling_cuda_version() == 'not available'
assert importlib.util.find_spec('mmcv._ext') is not None
mmcv.ops.sigmoid_focal_loss(torch.rand(2, 3), torch.tensor([0, 1]))
""")
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "RuntimeError: mmcv's operator sigmoid_focal_loss_forward is not compiled here"
    )


def test_importing_hacdr_brings_the_stand_in():
    result = run("""
import hacdr
assert not sys.modules['mmcv._ext'].OPERATORS
print(hacdr.models.HACDR.__name__)
""")
    assert result.stdout == 'HACDR\n', result.stderr


@pytest.mark.parametrize('missing', ['mmcv', 'mmcv.parallel', 'mmcv.ops'])
def test_no_mmcv_or_another_one_is_left_alone(missing, monkeypatch):
    finder = mmcv_ext.importlib.machinery.PathFinder
    find = finder.find_spec
    gone = {missing, 'mmcv._ext'}
    monkeypatch.delitem(sys.modules, 'mmcv._ext')
    monkeypatch.setattr(
        finder,
        'find_spec',
        lambda name, *args: None if name in gone else find(name, *args),
    )
    if missing == 'mmcv':
        monkeypatch.setattr(mmcv_ext.importlib.util, 'find_spec', lambda name: None)
    assert not mmcv_ext.stand_in()


def test_names_of_python_itself_are_not_made_up():
    with pytest.raises(AttributeError, match='__path__'):
        _ = mmcv_ext.__path__
