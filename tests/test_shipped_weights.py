"""Weights that come with the package."""

from pathlib import Path

import pytest
from mmseg.models import build_segmentor

from hacdr.apis import load_config, load_weights
from hacdr.datasets import IDRiDDataset
from hacdr.engine import check_classes, read_checkpoint
from hacdr.files import file_sha256
from hacdr.inference.onnx_network import OnnxNetwork
from hacdr.inference.published import SUFFIXES

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize('path', [*(ROOT / 'weights').glob('*.safetensors')])
def test_they_are_those_of_the_card_and_fit_their_config(path):
    assert file_sha256(str(path)) in path.with_suffix('.md').read_text()
    model = build_segmentor(
        load_config(str(ROOT / 'configs' / f'{path.stem}.py')).model
    )
    meta = load_weights(model, str(path))
    check_classes(meta, IDRiDDataset.CLASSES, str(path))
    assert all(tensor.isfinite().all() for tensor in model.parameters())


def test_sums_of_all_files():
    lines = (ROOT / 'weights' / 'SHA256SUMS').read_text().splitlines()
    sums = {name: sum_ for sum_, name in (line.split('  ') for line in lines)}
    files = [p for p in (ROOT / 'weights').iterdir() if p.suffix in SUFFIXES]
    assert sums == {path.name: file_sha256(path) for path in files}


@pytest.mark.parametrize('path', [*(ROOT / 'weights').glob('*.onnx')])
def test_the_exported_network_is_of_the_weights_beside_it(path):
    pytest.importorskip('onnxruntime')
    network = OnnxNetwork(str(path), 'cpu')
    weights = path.with_suffix('.safetensors')
    assert network.source_sha256 == file_sha256(weights)
    assert network.classes == IDRiDDataset.CLASSES
    assert network.thresholds == read_checkpoint(str(weights))['meta']['thresholds']
    assert path.stat().st_size <= 15e6
