from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import torch
import torch.nn as nn

from hacdr.engine import (
    check_classes,
    load_weights,
    publish_weights,
    read_checkpoint,
)
from hacdr.errors import InputError
from hacdr.files import file_sha256


def save(path, state_dict, **meta):
    torch.save(dict(state_dict=state_dict, meta=meta), str(path))
    return str(path)


def test_loads_what_fits(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    state_dict = {f'module.{k}': v for k, v in source.state_dict().items()}
    meta = load_weights(target, save(tmp_path / 'a.pth', state_dict, iter=7))
    assert torch.equal(source.weight, target.weight)
    assert meta['iter'] == 7


def test_says_what_does_not_fit_and_loads_nothing(tmp_path):
    target = nn.Linear(3, 2)
    before = target.weight.clone()
    state_dict = dict(weight=torch.zeros(2, 4), gamma=torch.zeros(1))
    with pytest.raises(InputError) as caught:
        load_weights(target, save(tmp_path / 'a.pth', state_dict))
    message = str(caught.value)
    assert '1 missing (first: bias)' in message
    assert '1 unknown (first: gamma)' in message
    assert 'weight (2, 4) instead of (2, 3)' in message
    assert '\n' not in message
    assert torch.equal(target.weight, before)


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(InputError, match='no such checkpoint'):
        load_weights(nn.Linear(1, 1), str(tmp_path / 'a.pth'))
    (tmp_path / 'a.pth').write_bytes(b'not a checkpoint')
    with pytest.raises(InputError, match='not a readable checkpoint'):
        load_weights(nn.Linear(1, 1), str(tmp_path / 'a.pth'))


@pytest.mark.parametrize('meta', [None, [1], 'x'])
def test_meta_data_of_another_kind_tell_nothing(tmp_path, meta):
    path = str(tmp_path / 'a.pth')
    torch.save(dict(state_dict=nn.Linear(1, 1).state_dict(), meta=meta), path)
    assert load_weights(nn.Linear(1, 1), path) == {}


@pytest.mark.parametrize('checkpoint', [dict(state_dict=3), dict(state_dict=[1])])
def test_a_checkpoint_without_weights_by_their_names(tmp_path, checkpoint):
    torch.save(checkpoint, str(tmp_path / 'a.pth'))
    with pytest.raises(InputError, match=r'a\.pth: holds no weights by their names'):
        load_weights(nn.Linear(1, 1), str(tmp_path / 'a.pth'))


@pytest.mark.parametrize('checkpoint', [{}, dict(state_dict={}), dict(epoch=3)])
def test_no_weights_are_not_published(tmp_path, checkpoint):
    path = tmp_path / 'a.safetensors'
    with pytest.raises(InputError, match='holds no weights to publish'):
        publish_weights(checkpoint, str(path))
    assert not path.exists()


def test_published_weights_at_an_address(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'cache'))
    checkpoint = dict(state_dict=nn.Linear(3, 2).state_dict(), meta=dict(iter=7))
    publish_weights(checkpoint, str(tmp_path / 'a.safetensors'))
    handler = partial(QuietHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f'http://127.0.0.1:{server.server_port}'
            meta = load_weights(nn.Linear(3, 2), f'{address}/a.safetensors')
            with pytest.raises(
                InputError, match=r'b\.safetensors: not a readable .*404'
            ):
                load_weights(nn.Linear(3, 2), f'{address}/b.safetensors')
        finally:
            server.shutdown()
            thread.join()
    assert meta == dict(iter=7)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def test_check_classes():
    check_classes({}, ('a', 'b'), 'x.pth')
    check_classes(dict(CLASSES=['a', 'b']), ('a', 'b'), 'x.pth')
    with pytest.raises(InputError, match='a, c, expected a, b'):
        check_classes(dict(CLASSES=['a', 'c']), ('a', 'b'), 'x.pth')


def test_file_sha256(tmp_path):
    (tmp_path / 'a').write_bytes(b'abc')
    assert file_sha256(str(tmp_path / 'a')).startswith('ba7816bf8f01cfea')


def test_published_weights(tmp_path):
    source, target = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
    source(torch.randn(2, 3, 4, 4))
    classes = ['background', 'EX']
    config = (
        "work_dir = '/home/secret'\n"
        "model = dict(type='A', pretrained='/home/secret', train_cfg=dict())\n"
        "data = dict(test=dict(type='B', data_root='/home/secret', pipeline=[]))\n"
    )
    meta = dict(CLASSES=classes, config=config, env_info='secret')
    checkpoint = dict(state_dict=source.state_dict(), meta=meta)
    path = str(tmp_path / 'a.safetensors')
    assert publish_weights(checkpoint, path) == file_sha256(path)
    kept = load_weights(target, path)
    assert kept.pop('CLASSES') == classes
    text = "model = {'type': 'A'}\ndata = {'test': {'type': 'B', 'pipeline': []}}\n"
    assert kept == dict(config=text)
    for name, tensor in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], tensor)
    thresholds = dict(EX=0.25)
    publish_weights(checkpoint, path, thresholds)
    assert load_weights(target, path)['thresholds'] == thresholds
    with pytest.raises(InputError, match='thresholds for EX, HE, expected one'):
        publish_weights(checkpoint, path, dict(EX=0.25, HE=0.5))
    with pytest.raises(InputError, match=r'ends in \.safetensors'):
        publish_weights(checkpoint, str(tmp_path / 'b.pth'))
    for diameter in (0, -1.0, float('nan'), float('inf'), '1145'):
        with pytest.raises(InputError, match=r'trained diameter .* number of pixels'):
            publish_weights(checkpoint, path, trained_diameter=diameter)
    checkpoint['meta']['config'] = 'import os'
    with pytest.raises(InputError, match='pass the config file'):
        publish_weights(checkpoint, path)


def test_damaged_published_weights(tmp_path):
    (tmp_path / 'a.safetensors').write_bytes(b'not weights')
    with pytest.raises(InputError, match='not a readable checkpoint'):
        load_weights(nn.Linear(1, 1), str(tmp_path / 'a.safetensors'))


def test_kernels_are_published_in_half_precision_and_vectors_as_they_are(tmp_path):
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3))
    # Trained networks have them; of the last kind those that began at hacdr_idrid_cpu.
    network[1].running_var[:] = torch.tensor([1e5, 1e-9, float('inf')])
    path = str(tmp_path / 'a.safetensors')
    publish_weights(dict(state_dict=network.state_dict()), path)
    published = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3))
    load_weights(published, path)
    for name, tensor in network.state_dict().items():
        expected = tensor.half().float() if tensor.dim() > 1 else tensor
        assert torch.equal(published.state_dict()[name], expected), name


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('0.weight', 1e5),
        ('0.weight', float('nan')),
        ('1.running_var', float('nan')),
    ],
)
def test_what_cannot_be_held_is_not_published(tmp_path, name, value):
    network = nn.Sequential(nn.Conv2d(1, 3, 1), nn.BatchNorm2d(3))
    network.state_dict()[name][1] = value
    path = tmp_path / 'a.safetensors'
    largest = '65504' if name == '0.weight' else r'3\.40282e\+38'
    with pytest.raises(InputError, match=f'{name}: .* at most {largest}') as caught:
        publish_weights(dict(state_dict=network.state_dict()), str(path))
    assert '\n' not in str(caught.value)
    assert not path.exists()


def test_reading_says_nothing(tmp_path, capsys):
    read_checkpoint(save(tmp_path / 'a.pth', {}))
    assert capsys.readouterr() == ('', '')


def test_weights_of_a_training_that_diverged(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    source.weight.data[1, 2] = float('nan')
    before = target.weight.clone()
    with pytest.raises(InputError, match='weight holds values that are not numbers'):
        load_weights(target, save(tmp_path / 'a.pth', source.state_dict()))
    assert torch.equal(target.weight, before)
