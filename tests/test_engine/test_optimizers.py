import copy

import pytest
import torch
import torch.nn as nn
from mmcv.runner import build_optimizer

from hacdr.engine.config import build_network, load_config

MMCVS = 'DefaultOptimizerConstructor'

SETTINGS = dict(
    type='AdamW',
    lr=0.1,
    weight_decay=0.01,
    paramwise_cfg=dict(
        norm_decay_mult=0, custom_keys={'offset': dict(lr_mult=0.1, decay_mult=2)}
    ),
)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.offset = nn.Conv2d(4, 4, 3)

    def forward(self, x):
        return self.offset(self.norm(self.conv(x)))


def train(network, grouped):
    settings = copy.deepcopy(SETTINGS)
    if grouped:
        settings['constructor'] = 'GroupedOptimizerConstructor'
    optimizer = build_optimizer(network, settings)
    x = torch.linspace(-1, 1, 192).view(1, 3, 8, 8)
    for _ in range(3):
        optimizer.zero_grad()
        network(x).square().sum().backward()
        optimizer.step()
    return optimizer


def test_grouped_optimizer_trains_as_mmcvs_to_the_last_bit():
    torch.manual_seed(0)
    network = Network()
    other = copy.deepcopy(network)
    plain, grouped = train(network, False), train(other, True)
    assert len(plain.param_groups) == len([*network.parameters()])
    assert len(grouped.param_groups) < len(plain.param_groups)
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), other.parameters())
    )


@pytest.mark.parametrize(
    ('name', 'rate', 'decay'),
    [
        ('conv.weight', 0.1, 0.01),
        ('norm.weight', 0.1, 0),
        ('norm.bias', 0.1, 0),
        ('offset.weight', 0.01, 0.02),
        ('offset.bias', 0.01, 0.02),
    ],
)
def test_every_parameter_is_in_one_group_of_its_settings(name, rate, decay):
    network = Network()
    optimizer = train(network, True)
    (group,) = [
        group
        for group in optimizer.param_groups
        if any(p is network.get_parameter(name) for p in group['params'])
    ]
    assert group['lr'] == pytest.approx(rate)
    assert group['weight_decay'] == pytest.approx(decay)
    assert sum(len(g['params']) for g in optimizer.param_groups) == 6


def test_no_norm_of_the_released_network_decays():
    cfg = load_config('configs/hacdr_idrid_released.py')
    network = build_network(cfg).backbone
    optimizer = build_optimizer(network, dict(cfg.optimizer, constructor=MMCVS))
    decays = {
        name: group['weight_decay']
        for (name, _), group in zip(network.named_parameters(), optimizer.param_groups)
    }
    assert decays['stages.0.norm.weight'] == decays['stages.0.norm.bias'] == 0
    assert decays['stages.0.blocks.0.haaa.proj.weight'] > 0
