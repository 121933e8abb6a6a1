import sys

import pytest

from hacdr import mmcv_ext

# mmcv of this environment as somebody has it who installed it without operators.
PLAIN_MMCV = """
import importlib.machinery, importlib.util, sys
spec = importlib.util.spec_from_file_location('stand_in', {path!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
find = importlib.machinery.PathFinder.find_spec
importlib.machinery.PathFinder.find_spec = classmethod(
    lambda cls, name, *args: None if name == 'mmcv._ext' else find(name, *args))
"""


# Before hacdr is imported, and what it brought.
CODE = """
try:
    import mmcv.ops
except ImportError as error:
    print(error)
assert module.stand_in()
assert not module.stand_in()
del sys.modules['mmcv._ext']
import hacdr
print(hacdr.models.HACDR.__name__)
import mmcv.ops, mmseg.apis, torch
print(mmcv.ops.get_compiling_cuda_version(), sys.modules['mmcv._ext'].OPERATORS)
assert importlib.util.find_spec('mmcv._ext') is not None
mmcv.ops.sigmoid_focal_loss(torch.rand(2, 3), torch.tensor([0, 1]))
"""


def test_importing_hacdr_brings_the_stand_in_which_names_what_is_called(run_code_anew):
    result = run_code_anew(PLAIN_MMCV.format(path=mmcv_ext.__file__) + CODE)
    assert result.stdout.splitlines() == [
        "No module named 'mmcv._ext'",
        'HACDR',
        'not available False',
    ]
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "RuntimeError: mmcv's operator sigmoid_focal_loss_forward is not compiled here"
    )


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
