import pkgutil

import pytest
import torch
from mmcv.parallel import _functions as scatter_functions
from mmcv.parallel import distributed
from mmcv.runner.checkpoint import CheckpointLoader
from mmcv.runner.optimizer import build_optimizer, default_constructor
from mmcv.utils import config as config_module
from mmcv.utils.ext_loader import check_ops_exist

from hacdr import compat

DISTRIBUTED_FORWARD = """
import tempfile, torch, torch.distributed as dist, torch.nn as nn
from mmcv.parallel import MMDistributedDataParallel
with tempfile.TemporaryDirectory() as folder:
    dist.init_process_group(
        'gloo', init_method=f'file://{folder}/store', rank=0, world_size=1)
    model = MMDistributedDataParallel(nn.Linear(2, 1))
    model(torch.ones(1, 2)).sum().backward()
    assert model.module.weight.grad is not None
"""


@pytest.mark.parametrize('patched', [True, False])
def test_a_distributed_model_needs_the_patch(patched, run_code):
    code = ('import hacdr\n' if patched else '') + DISTRIBUTED_FORWARD
    result = run_code(code)
    assert (result.returncode == 0) == patched, result.stderr
    assert ('_use_replicated_tensor_module' in result.stderr) != patched


def test_scatter_takes_the_number_of_a_device():
    # -1 is mmcv's number of the CPU, which has no stream.
    assert scatter_functions._get_stream(-1) is None
    with pytest.raises(AttributeError, match='type'):
        scatter_functions._get_stream.wrapped(-1)


def test_patches_are_applied_once():
    flag = distributed.MMDistributedDataParallel._use_replicated_tensor_module
    assert flag is False
    assert not compat.set_replicated_module_flag()
    assert not compat.pass_devices_to_scatter()


def test_checkpoints_with_any_meta_load_on_torch_2_6(monkeypatch, tmp_path):
    path = str(tmp_path / 'checkpoint.pth')
    torch.save({'meta': {'object': {1, 2}}}, path)
    # register_scheme keeps the loaders in a dict of the class.
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    asked = {}
    load = torch.load

    def torch_2_6_load(file, map_location=None, weights_only=True):
        asked['weights_only'] = weights_only
        return load(file, map_location=map_location)

    monkeypatch.setattr(torch, 'load', torch_2_6_load)
    monkeypatch.setattr(compat, 'torch_version', lambda: (2, 6))
    assert compat.load_checkpoints_with_any_meta()
    checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    assert checkpoint['meta']['object'] == {1, 2}
    assert asked['weights_only'] is False


def test_pretty_text_with_a_yapf_without_verify(monkeypatch):
    def format_code(text, style_config=None):
        return text, True

    # As mmcv 1.6.2, which does not ask for yapf's version.
    monkeypatch.delattr(config_module, 'yapf', raising=False)
    monkeypatch.setattr(config_module, 'FormatCode', format_code)
    with pytest.raises(TypeError, match='verify'):
        config_module.FormatCode('a=1', verify=True)
    assert compat.drop_verify_of_yapf()
    assert config_module.FormatCode('a=1', verify=True) == ('a=1', True)


def test_pretty_text_with_the_yapf_that_is_here():
    assert config_module.Config(dict(a=1)).pretty_text.strip() == 'a = 1'


def test_optimizers_are_built_without_find_loader(monkeypatch):
    monkeypatch.delattr(pkgutil, 'find_loader', raising=False)
    monkeypatch.setattr(default_constructor, 'check_ops_exist', check_ops_exist)
    layer = torch.nn.Linear(2, 1)
    config = dict(
        type='SGD', lr=1.0, paramwise_cfg=dict(custom_keys={'bias': dict(lr_mult=0.5)})
    )
    with pytest.raises(AttributeError, match='find_loader'):
        build_optimizer(layer, dict(config))
    assert compat.replace_search_for_operators()
    assert not compat.replace_search_for_operators()
    groups = build_optimizer(layer, dict(config)).param_groups
    assert [group['lr'] for group in groups] == [1.0, 0.5]
