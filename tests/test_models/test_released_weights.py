"""The network configured as released is the released network, number by number."""

import pytest
import torch

from hacdr.errors import InputError
from hacdr.models import convert_released_state_dict
from hacdr.models.released_weights import map_released_names

from .released import CLASS_ORDER, build, load, mmseg_names, relative_error

KERNELS = 'numba', 'torch', pytest.param('mmcv', marks=pytest.mark.mmcv_operators)


@pytest.fixture(scope='module')
def fixture():
    return load('released_network')


@pytest.fixture
def released(fixture):
    return mmseg_names(fixture[0])


@pytest.fixture(params=KERNELS)
def kernel(request, monkeypatch):
    """Force each kernel of the deformable convolution in turn."""
    monkeypatch.setenv('HACDR_MDCONV', request.param)


@pytest.fixture
def network(fixture, released):
    network = build(fixture[1])
    network.load_state_dict(convert_released_state_dict(released), strict=True)
    return network


def test_stages_and_logits(kernel, fixture, network):
    tensors, _ = fixture
    network.eval()
    with torch.no_grad():
        stages = network.backbone(tensors['input'])
        logits = network.decode_head(stages)
    assert len(stages) == 4
    for i, stage in enumerate(stages):
        assert relative_error(stage, tensors[f'eval/stage{i}']) < 1e-5
    assert relative_error(logits, tensors['eval/logits'][:, CLASS_ORDER]) < 1e-5


def test_gradients(kernel, fixture, released, network):
    """The fixture keeps up to 64 evenly spaced entries of each gradient."""
    tensors, _ = fixture
    x = tensors['input'].clone().requires_grad_()
    network.eval()
    (network(x) * tensors['cotangent'][:, CLASS_ORDER]).sum().backward()

    ours = dict(network.named_parameters())
    names = map_released_names(released)
    expected = mmseg_names(tensors, 'eval/grad/')
    assert {names[name] for name in expected} == set(ours)
    for name, some in expected.items():
        grad = ours[names[name]].grad
        if 'conv_seg' in name:
            grad = grad[CLASS_ORDER]
        assert relative_error(_some(grad), some) < 1e-4, name
    assert relative_error(_some(x.grad), tensors['eval/grad/input']) < 1e-4


def _some(grad):
    return grad.flatten()[:: max(1, -(-grad.numel() // 64))]


def test_training_logits(kernel, fixture, network):
    tensors, _ = fixture
    network.train()
    with torch.no_grad():
        logits = network(tensors['input'])
    assert relative_error(logits, tensors['train/logits'][:, CLASS_ORDER]) < 1e-5


def test_prefixes(released):
    """A whole checkpoint of a parallel run, a backbone's and a head's own dict."""
    whole = convert_released_state_dict(released)
    wrapped = {'state_dict': {f'module.{k}': v for k, v in released.items()}}
    assert list(convert_released_state_dict(wrapped)) == list(whole)
    for prefix in ('backbone.', 'decode_head.'):
        part = {
            k[len(prefix) :]: v for k, v in released.items() if k.startswith(prefix)
        }
        converted = convert_released_state_dict(part)
        assert {prefix + k for k in converted} == {
            k for k in whole if k.startswith(prefix)
        }


def test_converting_leaves_the_input_alone(released):
    before = {name: tensor.clone() for name, tensor in released.items()}
    convert_released_state_dict(released)
    assert list(released) == list(before)
    assert all(torch.equal(released[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ('name', 'problem'),
    [
        ('backbone.block1.0.attn.extra.weight', 'not a weight of the released network'),
        ('auxiliary_head.conv_seg.weight', 'not a weight of the released network'),
    ],
)
def test_unknown_name(released, name, problem):
    released[name] = torch.zeros(1)
    with pytest.raises(InputError, match=problem) as error:
        convert_released_state_dict(released)
    assert name in str(error.value)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    'name',
    [
        'backbone.block2.0.attn.proj_1.weight',
        'backbone.norm3.bias',
        'backbone.patch_embed2.proj.conv_offset.weight',
        'decode_head.conv_seg.bias',
        'decode_head.decoder3.layer.4.running_var',
    ],
)
def test_missing_name(released, name):
    del released[name]
    with pytest.raises(InputError, match='missing') as error:
        convert_released_state_dict(released)
    assert name in str(error.value)


def test_a_missing_block_is_missed(released):
    """Blocks are counted by the last of them, not by how many there are."""
    gone = {k: v for k, v in released.items() if '.block2.0.' not in k}
    with pytest.raises(InputError, match=r'block2\.0\..*missing'):
        convert_released_state_dict(gone)


def test_other_class_count(released):
    released['decode_head.conv_seg.weight'] = torch.zeros(2, 8, 1, 1)
    with pytest.raises(InputError, match='2 classes'):
        convert_released_state_dict(released)


@pytest.mark.parametrize('weights', [{}, {'conv1.weight': torch.zeros(1)}])
def test_not_a_released_network(weights):
    with pytest.raises(InputError, match='no weights of the released network'):
        convert_released_state_dict(weights)
