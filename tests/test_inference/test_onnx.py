"""Networks exported to ONNX, on onnxruntime, against the same on torch."""

import json
import os
import shutil

import numpy as np
import pytest
import torch
import torch.nn as nn

from hacdr.apis import Predictor
from hacdr.engine import publish_weights, read_checkpoint
from hacdr.errors import InputError
from hacdr.evaluation import Protocol, summarise, write_results
from hacdr.files import file_sha256
from hacdr.images import read_map
from hacdr.inference import onnx_export
from hacdr.inference.onnx_export import export_onnx
from hacdr.inference.onnx_network import OnnxNetwork
from hacdr.models.layers import MDConv

from ..test_evaluation.small_predictions import ABOUT, binary
from ..test_import import BLOCK, python
from . import tiny

onnx = pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')

THRESHOLDS = dict(EX=0.3, HE=0.01, SE=0.2, MA=0.05)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """What tiny.py writes, its weights published, and those exported."""
    folder = tmp_path_factory.mktemp('onnx')
    tiny.write(folder)
    published = str(folder / 'published.safetensors')
    checkpoint = read_checkpoint(str(folder / 'weights.pth'))
    publish_weights(checkpoint, published, THRESHOLDS, trained_diameter=500)
    difference = export_onnx(published, str(folder / 'published.onnx'), card='Care.')
    assert difference < 1e-4
    checkpoint['state_dict']['decode_head.conv_seg.weight'][2] += 0.3
    torch.save(checkpoint, str(folder / 'other.pth'))
    return folder


def both(folder, **arguments):
    return [
        Predictor(folder / f'published{suffix}', device='cpu', **arguments)
        for suffix in ('.safetensors', '.onnx')
    ]


@pytest.mark.parametrize(
    'arguments', [{}, dict(flips=True), dict(thresholds='published')], ids=str
)
def test_as_on_torch(folder, arguments):
    on_torch, on_onnxruntime = both(folder, **arguments)
    for attribute in ('classes', 'palette', 'thresholds', 'device', 'flips'):
        assert getattr(on_torch, attribute) == getattr(on_onnxruntime, attribute)
    large = np.kron(
        np.random.default_rng(1).integers(0, 256, (31, 18, 3)), np.ones((10, 9, 1))
    ).astype(np.uint8)
    for image in (folder / 'eye.jpg', folder / 'eye.png', large):
        expected, actual = (each.predict(image) for each in (on_torch, on_onnxruntime))
        assert (expected.label > 0).any()
        assert (actual.label != expected.label).mean() < 1e-4
        # Of two that float16 rounds apart, too.
        difference = actual.probabilities.astype(float) - expected.probabilities
        assert abs(difference).max() < 1e-3
        assert actual.quality == expected.quality
        assert actual.quality.warnings


def test_thresholds_of_a_test_of_the_weights_that_were_exported(folder, tmp_path):
    predictor = Predictor(folder / 'published.safetensors', device='cpu')
    path = tmp_path / 'results_val.json'
    scores = [binary([0.9, 0.6, 0.1], [1, 1, 0])]
    about = dict(ABOUT, checkpoint_sha256=predictor.made_by['weights'], split='val')
    summary = summarise(scores, select_thresholds=True)
    write_results(path, scores, ['a'], ['a'], summary, Protocol(), **about)
    on_torch, on_onnxruntime = both(folder, thresholds=str(path))
    assert on_torch.thresholds['EX'] == pytest.approx(0.6)
    assert on_torch.thresholds == on_onnxruntime.thresholds
    with pytest.raises(InputError, match='thresholds of a checkpoint with sha256'):
        Predictor(folder / 'other.pth', device='cpu', thresholds=str(path))


def test_what_comes_with_the_weights(folder):
    network = Predictor(folder / 'published.onnx', device='cpu').network
    assert network.card == 'Care.'
    assert network.thresholds == THRESHOLDS
    assert network.dataset == 'IDRiDDataset'
    known = {
        prop.key: prop.value
        for prop in onnx.load(str(folder / 'published.onnx')).metadata_props
    }
    source = file_sha256(str(folder / 'published.safetensors'))
    assert json.loads(known['source_sha256']) == source
    assert json.loads(known['source']) == 'published.safetensors'


def test_half_precision(folder, tmp_path):
    """Without loss where the weights allow it, rounded where that is wanted."""
    model = onnx.load(str(folder / 'published.onnx'))
    full, half = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16

    def kinds(vectors):
        """Types of weights with at most one axis longer than 1, or of the others."""
        return [
            weight.data_type
            for weight in model.graph.initializer
            if (sum(length > 1 for length in weight.dims) < 2) == vectors
            and weight.data_type in (full, half)
        ]

    # The exporter folds normalisations into a few convolutions.
    folded = kinds(vectors=False).count(full)
    assert 0 < folded < 0.2 * kinds(vectors=False).count(half)
    onnx_export._store_in_half(model, rounded=False)
    assert kinds(vectors=False).count(full) == folded
    onnx_export._store_in_half(model, rounded=True)
    assert {*kinds(vectors=False)} == {half}
    assert {*kinds(vectors=True)} == {full}
    onnx.save(model, str(tmp_path / 'rounded.onnx'))
    planes = Predictor(folder / 'published.onnx').read(folder / 'eye.png').planes
    exact, rounded = (
        OnnxNetwork(str(path), 'cpu').logits(planes)
        for path in (folder / 'published.onnx', tmp_path / 'rounded.onnx')
    )
    assert 1e-5 < abs(exact - rounded).max() < 0.05


@pytest.fixture
def traced(folder, monkeypatch):
    """Take what was exported for traced anew, which takes seconds."""

    def copy(module, path, size):
        if path != os.devnull:
            shutil.copy(folder / 'published.onnx', path)

    monkeypatch.setattr(onnx_export, '_export', copy)
    return str(folder / 'published.safetensors')


def test_nothing_is_written_that_differs_from_torch(traced, tmp_path, monkeypatch):
    path = str(tmp_path / 'a.onnx')
    monkeypatch.setattr(onnx_export, '_compare', lambda *networks: float('nan'))
    with pytest.raises(InputError, match=r'differ by nan .* at most 0\.001; not'):
        export_onnx(traced, path)
    assert not [*tmp_path.iterdir()]
    monkeypatch.setattr(onnx_export, '_compare', lambda *networks: 0.01)
    with pytest.raises(InputError, match=r'differ by 0\.01 '):
        export_onnx(traced, path)
    assert export_onnx(traced, path, half=True) == 0.01


def test_another_network_is_found_out(folder, traced, tmp_path):
    with pytest.raises(InputError, match='differ by'):
        export_onnx(str(folder / 'other.pth'), str(tmp_path / 'a.onnx'))


def test_what_cannot_be_exported(folder, traced, tmp_path):
    weights = str(folder / 'weights.pth')
    with pytest.raises(InputError, match=r'a name that ends in \.onnx'):
        export_onnx(weights, str(tmp_path / 'a.pth'))
    with pytest.raises(InputError, match=r'weights\.pth: cannot be exported; expected'):
        export_onnx(weights, str(tmp_path / 'a.onnx'), str(folder / 'of mmseg.py'))
    # Before anything is loaded.
    with pytest.raises(InputError, match='no folder'):
        export_onnx('none.pth', str(tmp_path / 'none' / 'a.onnx'))


def test_what_cannot_be_loaded(folder, tmp_path, monkeypatch):
    path = folder / 'published.onnx'
    with pytest.raises(InputError, match='no config nor options'):
        Predictor(path, config=str(folder / 'ours.py'))
    if 'CUDAExecutionProvider' not in onnxruntime.get_available_providers():
        with pytest.raises(InputError, match='device cuda:0: no such device'):
            Predictor(path, device='cuda:0')
    with pytest.raises(InputError, match='device gpu: no such device'):
        Predictor(path, device='gpu')
    cut = tmp_path / 'cut.onnx'
    cut.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r'cut\.onnx: onnxruntime cannot load it'):
        Predictor(cut)
    model = onnx.load(str(path))
    del model.metadata_props[:]
    onnx.save(model, str(cut))
    with pytest.raises(InputError, match='not a network that hacdr export has written'):
        Predictor(cut)
    onnx.helper.set_model_props(model, dict(format='2'))
    onnx.save(model, str(cut))
    with pytest.raises(InputError, match='format 2, expected 1'):
        Predictor(cut)
    monkeypatch.setattr(onnxruntime, '__version__', '1.24.4')
    with pytest.raises(InputError, match=r'onnxruntime 1\.25 or newer, found 1\.24\.4'):
        Predictor(path)


@pytest.mark.parametrize(
    'arguments',
    [
        dict(out_channels=6, kernel_size=3),
        dict(out_channels=6, kernel_size=(5, 3), padding=(2, 1), groups=6),
        dict(out_channels=4, kernel_size=(1, 3), padding=(0, 1), deform_groups=6),
        dict(out_channels=8, kernel_size=3, stride=2, padding=1, deform_groups=2),
        dict(out_channels=3, kernel_size=3, dilation=(2, 1), groups=3, bias=False),
    ],
    ids=str,
)
def test_the_operator_is_onnx_own(arguments, tmp_path):
    torch.manual_seed(0)
    layer = MDConv(6, **arguments)
    for parameter in layer.parameters():
        nn.init.normal_(parameter, 0, 0.5)
    path = str(tmp_path / 'layer.onnx')
    network = nn.Sequential(nn.Conv2d(3, 6, 1), layer)
    onnx_export._export(network, path, (9, 8))
    (node,) = [n for n in onnx.load(path).graph.node if n.op_type == 'DeformConv']
    assert node.domain == ''
    image = torch.randn(2, 3, 11, 13)
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    (actual,) = session.run(None, {'image': image.numpy()})
    with torch.no_grad():
        expected = network(image).numpy()
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-5)


def test_outside_of_the_context_the_operator_is_plain(tmp_path):
    path = str(tmp_path / 'layer.onnx')
    layer = MDConv(3, 3, 3).eval()
    torch.onnx.export(
        layer, (torch.zeros(1, 3, 9, 9),), path, opset_version=16, dynamo=False
    )
    assert 'DeformConv' not in {node.op_type for node in onnx.load(path).graph.node}


def test_neither_torch_nor_numba_is_needed(folder, tmp_path):
    """For one photograph from Python, for a folder by hacdr predict."""
    blocked = 'torch', 'torchvision', 'mmcv', 'mmseg', 'numba', 'scipy', 'matplotlib'
    weights, photograph = folder / 'published.onnx', folder / 'eye.jpg'
    code = f"""
{BLOCK.format(names=blocked)}
import numpy as np
from hacdr.apis import Predictor
prediction = Predictor({str(weights)!r}).predict({str(photograph)!r})
np.save({str(tmp_path / 'label.npy')!r}, prediction.label)
import hacdr_cli
sys.argv = ['hacdr', 'predict', {str(photograph)!r}, '-o', {str(tmp_path / 'out')!r},
            '--weights', {str(weights)!r}, '--thresholds', 'published']
hacdr_cli.main()
"""
    result = python(code)
    assert result.returncode == 0, result.stderr
    expected = Predictor(weights).predict(photograph).label
    np.testing.assert_array_equal(np.load(tmp_path / 'label.npy'), expected)
    expected = Predictor(weights, thresholds='published').predict(photograph).label
    np.testing.assert_array_equal(read_map(tmp_path / 'out' / 'eye.png'), expected)
