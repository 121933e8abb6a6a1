from pathlib import Path

import pytest
import torch

from hacdr.apis import build_network, init_model, load_config
from hacdr.errors import InputError
from hacdr.inference.model import check_named

CONFIG = str(Path(__file__).parents[2] / 'configs' / 'hacdr_idrid_cpu.py')


def test_arguments_that_a_part_refuses():
    groups = dict(type='GN', num_groups=5)
    cfg = load_config(CONFIG, {'model.backbone.norm_cfg': groups})
    with pytest.raises(InputError, match=r'config: model: .*num_groups'):
        build_network(cfg)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('model = 1', 'model is 1, expected a dict'),
        ("model = dict(type='HACDR')", 'data is None, expected a dict'),
        ("model = dict(type='HACDR', depth=3)", 'model.depth: unknown config key'),
        ("model = dict(type='Unknown')", 'model.type: unknown Unknown'),
        ("model = dict(type='HACDR')\ndata = dict(test=dict(type='x'))", 'unknown x'),
        (
            "model = dict(type='HACDR')\ndata = dict(test=dict(type='IDRiDDataset'))",
            'data.test.pipeline is missing or empty',
        ),
    ],
)
def test_a_checkpoint_with_a_bad_config(tmp_path, config, message):
    path = str(tmp_path / 'a.pth')
    torch.save(dict(state_dict={}, meta=dict(config=config)), path)
    with pytest.raises(InputError, match=rf'a\.pth: its config: .*{message}'):
        init_model(None, path, 'cpu')


def test_a_part_that_lacks_an_argument():
    cfg = load_config(CONFIG)
    del cfg.model['decode_head']
    with pytest.raises(InputError, match=r"config: model: .*'decode_head'"):
        build_network(cfg)


@pytest.mark.parametrize(
    ('classes', 'palette', 'message'),
    [
        (
            ['background'],
            [[0, 0, 0]],
            r"are \['background'\], expected the names",
        ),
        (7, [[0, 0, 0]] * 2, 'are 7, expected the names of the 2'),
        ([1, 2], [[0, 0, 0]] * 2, 'expected the names of the 2 that'),
        (['a', 'b'], [[0, 0, 0]], 'expected red, green and blue for each of 2'),
        (['a', 'b'], 'xy', "palette is 'xy', expected red"),
        (['a', 'b'], [[0, 0]] * 2, 'expected red'),
        (['a', 'b'], None, 'palette is None'),
    ],
)
def test_classes_that_are_not_those_of_the_network(classes, palette, message):
    """Of others' checkpoints; lesions without a name would be in no table."""
    with pytest.raises(InputError, match=rf'a\.pth: .*{message}'):
        check_named(classes, palette, 2, 'a.pth')
    named = check_named(['a', 'b'], torch.zeros(2, 3), 2, 'a.pth')
    assert named == (('a', 'b'), [[0, 0, 0]] * 2)


@pytest.mark.parametrize('device', ['cuda:99', 'gpu', 'meta', 'xla', ''])
def test_a_device_that_is_not_there(device):
    count = torch.cuda.device_count()
    with pytest.raises(InputError, match=rf"{device}: .* 'cpu' or one of {count} GPUs"):
        init_model(CONFIG, 'none.pth', device)
