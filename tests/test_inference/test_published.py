import pytest

from hacdr.errors import InputError
from hacdr.inference import published


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    for name in ('both.safetensors', 'both.onnx', 'torch.safetensors'):
        (tmp_path / name).touch()
    monkeypatch.setattr(published, 'find_shipped', lambda name: tmp_path)
    monkeypatch.setattr(published, 'DEFAULT', 'both')
    return tmp_path


def test_with_torch(shipped, monkeypatch):
    monkeypatch.setattr(published, 'find_missing', lambda: [])
    assert published.find_weights() == str(shipped / 'both.safetensors')
    with pytest.raises(InputError, match=r'none: no such .* ones \(both, torch\)'):
        published.find_weights('none')


def test_without_torch(shipped, monkeypatch):
    monkeypatch.setattr(published, 'find_missing', lambda: ['torch'])
    assert published.find_weights() == str(shipped / 'both.onnx')
    with pytest.raises(InputError, match='torch: published for torch and mmseg'):
        published.find_weights('torch')
    with pytest.raises(InputError, match=r'none: no such .* ones \(both\)'):
        published.find_weights('none')


def test_a_training_starts_from_a_name_a_file_or_an_address(shipped, monkeypatch):
    monkeypatch.chdir(shipped)
    assert published.find_start('torch') == str(shipped / 'torch.safetensors')
    for other in ('none', 'torch.safetensors', 'runs/torch', 'https://a.org/torch'):
        assert published.find_start(other) == other
