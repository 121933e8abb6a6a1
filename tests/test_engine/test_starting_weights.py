"""What a training starts from: it fits, or is refused before the training begins."""

import logging

import pytest
import torch
import torch.nn as nn
from mmcv.runner import BaseModule

from hacdr.engine import publish_weights
from hacdr.engine.safe_loading import restrict_loading
from hacdr.engine.starting_weights import check_pretrained, load_start
from hacdr.errors import InputError
from hacdr.files import require_checkpoint

from .training import make_runner

CLASSES = ('background', 'EX')


class Network(BaseModule):
    def __init__(self, width=4, classes=2, init_cfg=None):
        super().__init__(init_cfg)
        self.backbone = nn.Sequential(nn.Conv2d(3, width, 1), nn.BatchNorm2d(width))
        self.head = nn.Module()
        self.head.conv_seg = nn.Conv2d(width, classes, 1)
        self.CLASSES = CLASSES


def filled(value=1.0, **options):
    network = Network(**options)
    for parameter in network.parameters():
        nn.init.constant_(parameter, value)
    return network


@pytest.fixture
def save(tmp_path):
    def save(content, name='a.pth'):
        torch.save(content, tmp_path / name)
        return str(tmp_path / name)

    return save


@pytest.mark.parametrize('wrap', [False, True])
def test_all_of_another_training(save, wrap):
    weights = filled().state_dict()
    if wrap:
        weights = {f'module.{name}': tensor for name, tensor in weights.items()}
    model = Network()
    load_start(model, save(dict(state_dict=weights)))
    assert (model.backbone[0].weight == 1).all()
    assert (model.head.conv_seg.weight == 1).all()


def test_published_weights(tmp_path):
    path = str(tmp_path / 'a.safetensors')
    meta = dict(CLASSES=CLASSES)
    publish_weights(dict(state_dict=filled(0.5).state_dict(), meta=meta), path)
    model = Network()
    load_start(model, path)
    assert (model.head.conv_seg.weight == 0.5).all()


def test_an_infinite_variance_recovers_and_can_be_published(tmp_path):
    """As those of hacdr_idrid_cpu, which half precision could not hold."""
    weights = filled().state_dict()
    weights['backbone.1.running_var'][1:3] = torch.tensor([float('inf'), 1e5])
    path = str(tmp_path / 'a.safetensors')
    publish_weights(dict(state_dict=weights), path)
    model = Network()
    load_start(model, path)
    variances = model.backbone[1].running_var
    assert variances.tolist() == [1, 65504, 1e5, 1]
    for _ in range(200):
        model.backbone(torch.randn(2, 3, 4, 4))
    assert (variances < 10).all()


def test_a_backbone_alone(save, caplog):
    weights = filled().state_dict()
    path = save({k: v for k, v in weights.items() if 'conv_seg' not in k})
    model = Network()
    with caplog.at_level(logging.INFO):
        load_start(model, path, logging.getLogger('start'))
    assert (model.backbone[0].weight == 1).all()
    assert not (model.head.conv_seg.weight == 1).all()
    (record,) = caplog.records
    assert 'starts with 7 of 9 weights; 2 not in the checkpoint' in record.getMessage()


@pytest.mark.parametrize(
    ('classes', 'count'), [(('background', 'MA'), 2), (('background', 'EX', 'MA'), 3)]
)
def test_the_classifier_of_other_classes_is_left_out(save, classes, count):
    content = dict(
        state_dict=filled(classes=count).state_dict(), meta=dict(CLASSES=classes)
    )
    model = Network()
    load_start(model, save(content))
    assert (model.backbone[0].weight == 1).all()
    assert not (model.head.conv_seg.weight == 1).any()


FOREIGN = {
    'wider': (Network(8).state_dict(), r'backbone\.0\.weight is \(8, 3, 1, 1\), expec'),
    'other names': (nn.Linear(2, 2).state_dict(), 'has 0 of its 2 weights'),
    'nested': (dict(model=Network().state_dict()), 'has 0 of its 0 weights'),
    'mostly others': (
        {'backbone.0.bias': torch.zeros(4), **{f'x{k}': torch.zeros(1) for k in 'ab'}},
        'has 1 of its 3 weights .the first is backbone.0.bias',
    ),
    'no weights': (dict(state_dict=3), 'holds no weights by their names'),
    'numbers': ({1: torch.zeros(1)}, 'has 0 of its 0 weights'),
}


@pytest.mark.parametrize('name', FOREIGN)
def test_weights_of_another_network(save, name):
    content, message = FOREIGN[name]
    path = save(content)
    model = Network()
    before = model.backbone[0].weight.clone()
    with pytest.raises(InputError, match=message) as caught:
        load_start(model, path)
    assert str(caught.value).startswith(path)
    assert '\n' not in str(caught.value)
    assert torch.equal(model.backbone[0].weight, before)
    with pytest.raises(InputError, match=message):
        check_pretrained(Network(init_cfg=dict(type='Pretrained', checkpoint=path)))


@pytest.mark.parametrize('name', ['a.pth', 'a.safetensors'])
@pytest.mark.parametrize(
    ('content', 'message'),
    [(None, 'no such checkpoint file'), (b'PK', 'not a readable checkpoint')],
)
def test_damaged_and_missing_files(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    message = rf'{name}: {message}'
    with pytest.raises(InputError, match=message):
        load_start(Network(), str(path))
    init_cfg = dict(type='Pretrained', checkpoint=str(path))
    with pytest.raises(InputError, match=message):
        check_pretrained(Network(init_cfg=init_cfg))


def test_files_that_are_looked_for_first(tmp_path):
    require_checkpoint('https://example.org/a.pth')
    with pytest.raises(InputError, match=r'a\.pth: no such checkpoint file'):
        require_checkpoint(str(tmp_path / 'a.pth'))


def test_a_part_of_published_weights_initialises_a_part(tmp_path):
    path = str(tmp_path / 'a.safetensors')
    publish_weights(dict(state_dict=filled(0.5).state_dict(), meta={}), path)
    part = BaseModule(dict(type='Pretrained', checkpoint=path, prefix='backbone'))
    for name, module in Network().backbone.named_children():
        part.add_module(name, module)
    check_pretrained(part)
    with restrict_loading():
        part.init_weights()
    assert (getattr(part, '0').weight == 0.5).all()


def test_the_runner_starts_and_refuses(tmp_path, save):
    runner = make_runner(tmp_path, max_iters=1)
    weights = {k: v + 1 for k, v in runner.model.state_dict().items()}
    runner.load_checkpoint(save(weights))
    for name, tensor in runner.model.state_dict().items():
        assert torch.equal(tensor, weights[name])
    with pytest.raises(
        InputError, match=r'linear\.weight is \(1, 5\), expected \(1, 3'
    ):
        make_runner(tmp_path, max_iters=1, width=3).load_checkpoint(
            save(make_runner(tmp_path, 1, width=5).model.state_dict())
        )
    with pytest.raises(InputError, match='holds weights only, no training to resume'):
        runner.resume(save(dict(state_dict=weights, meta=dict(iter=3))))
