from pathlib import Path

import pytest
import torch

from hacdr.apis import build_network, init_model, load_config
from hacdr.errors import InputError

CONFIG = str(Path(__file__).parents[2] / 'configs' / 'hacdr_idrid_cpu.py')


def test_arguments_that_a_part_refuses():
    groups = dict(type='GN', num_groups=5)
    cfg = load_config(CONFIG, {'model.backbone.norm_cfg': groups})
    with pytest.raises(InputError, match=r'config: model: .*num_groups'):
        build_network(cfg)


@pytest.mark.parametrize('device', ['cuda:99', 'gpu'])
def test_a_device_that_is_not_there(device):
    count = torch.cuda.device_count()
    with pytest.raises(InputError, match=rf"{device}: .* 'cpu' or one of {count} GPUs"):
        init_model(CONFIG, 'none.pth', device)
