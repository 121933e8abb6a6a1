"""Weights that come with the package."""

from pathlib import Path

import pytest
from mmseg.models import build_segmentor

from hacdr.apis import load_config, load_weights
from hacdr.datasets import IDRiDDataset
from hacdr.engine import check_classes
from hacdr.files import file_sha256

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize('path', (ROOT / 'weights').glob('*.safetensors'))
def test_they_are_those_of_the_card_and_fit_their_config(path):
    assert file_sha256(str(path)) in (ROOT / 'weights' / 'README.md').read_text()
    model = build_segmentor(
        load_config(str(ROOT / 'configs' / f'{path.stem}.py')).model
    )
    meta = load_weights(model, str(path))
    check_classes(meta, IDRiDDataset.CLASSES, str(path))
    assert all(tensor.isfinite().all() for tensor in model.parameters())
