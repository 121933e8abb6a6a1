import pytest
from mmcv import Config

from hacdr.engine.config import load_config
from hacdr.engine.stored_config import parse_config, prediction_config
from hacdr.errors import InputError


@pytest.mark.parametrize('name', ['hacdr_idrid_cpu', 'hacdr_demo', 'baselines/unet'])
def test_a_config_comes_back_as_it_was(name, pytestconfig):
    cfg = load_config(str(pytestconfig.rootpath / 'configs' / f'{name}.py'))
    assert parse_config(cfg.pretty_text, 'it') == cfg._cfg_dict
    kept = Config(parse_config(prediction_config(cfg), 'it'))
    assert kept.data.test.pipeline == cfg.data.test.pipeline
    assert kept.model.backbone == cfg.model.backbone
    # Tuples stay: mmseg takes a list of two numbers for two scales.
    scale = kept.data.test.pipeline[1].img_scale
    assert scale == cfg.data.test.pipeline[1].img_scale
    assert isinstance(scale, tuple)
    assert 'data_root' not in str(kept)


def test_several_data_sets_are_no_test():
    config = dict(model={}, data=dict(test=[dict(type='A'), dict(type='B')]))
    with pytest.raises(InputError, match=r'data\.test joins several data sets'):
        prediction_config(config)


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        "model = __import__('os').system('touch /tmp/hacdr')",
        'model = dict(a=open("/etc/passwd"))',
        'model = dict(**data)',
        'model = [value for value in range(3)]',
        'model.backbone = 1',
        'model = (',
        'model = dict([("a", 1)])',
        'model = f"{1}"',
        'a = b = 1\0',
    ],
)
def test_nothing_is_run(text):
    with pytest.raises(InputError, match=r'eye\.pth: the config .* cannot be read'):
        parse_config(text, 'eye.pth')
