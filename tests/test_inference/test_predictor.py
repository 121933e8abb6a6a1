import doctest

import numpy as np
import pytest
import torch
from mmseg.datasets.pipelines import Compose
from PIL import Image

from hacdr.apis import Predictor
from hacdr.engine import publish_weights, read_checkpoint
from hacdr.errors import InputError
from hacdr.files import file_sha256
from hacdr.inference import predictor as module
from hacdr.inference.model import init_model
from hacdr.inference.torch_network import segment
from hacdr.lesions import CLASSES
from hacdr.preprocess.quality import assess_photograph
from tests.test_images.forms import LOSSLESS, save, with_alpha

from . import tiny


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('predictor')
    tiny.write(folder)
    return folder


@pytest.fixture
def weights(folder):
    return folder / 'weights.pth'


@pytest.mark.parametrize('flips', [False, True], ids=['plain', 'flips'])
@pytest.mark.parametrize('name', tiny.CONFIGS)
def test_as_the_segmentor_by_its_own_pipeline(folder, weights, name, flips):
    config = str(folder / f'{name}.py')
    predictor = Predictor(weights, config, 'cpu', flips=flips)
    assert (predictor.network.preprocessing is None) == (name == 'of mmseg')
    options = {'model.test_cfg.flips': flips}
    model = init_model(config, str(weights), 'cpu', options)
    for path in (folder / 'eye.jpg', folder / 'eye.png'):
        expected = segment(model, path)
        prediction = predictor.predict(path)
        # Both average over areas; their roundings may differ by a grey level.
        assert abs(prediction.probabilities - expected[1:]).max() < 0.02
        assert (prediction.label != expected.argmax(0)).mean() < 2e-3
        assert prediction.photograph.shape == (160, 240, 3)
        assert prediction.classes == CLASSES
        assert 0 < (prediction.label > 0).mean() < 1
        # Two pixels aside it would be another.
        assert abs(expected - np.roll(expected, 2, 2)).mean() > 0.01


@pytest.mark.parametrize('shape', [(1, 1), (3, 2), (1, 99), (1, 5000), (5000, 2)])
def test_photographs_of_hardly_any_pixels(folder, weights, tmp_path, shape):
    predictor = Predictor(weights, device='cpu')
    photograph = np.full((*shape, 3), 90, np.uint8)
    Image.fromarray(photograph).save(tmp_path / 'a.png')
    for image in (photograph, tmp_path / 'a.png'):
        if max(shape) < 100:
            assert predictor.predict(image).label.shape == shape
        else:
            with pytest.raises(InputError, match=r'(photograph|a\.png), resized for'):
                predictor.predict(image)


@pytest.mark.parametrize('name', ['ours', 'of mmseg'])
def test_an_array_is_as_good_as_a_file(folder, weights, name):
    predictor = Predictor(weights, str(folder / f'{name}.py'), 'cpu')
    from_file = predictor.predict(folder / 'eye.png')
    from_array = predictor.predict(from_file.photograph)
    np.testing.assert_array_equal(from_array.label, from_file.label)
    np.testing.assert_array_equal(from_array.probabilities, from_file.probabilities)


@pytest.mark.parametrize('name', tiny.CONFIGS)
@pytest.mark.parametrize(
    'form', ['png of 12 bits in 16', 'png, orientation 6', 'clear', 'j2k']
)
def test_whatever_it_was_saved_as(folder, weights, tmp_path, name, form):
    predictor = Predictor(weights, str(folder / f'{name}.py'), 'cpu')
    expected = predictor.predict(folder / 'eye.png')
    pixels = np.ascontiguousarray(expected.photograph[..., ::-1])
    path = tmp_path / 'eye'
    if form == 'clear':
        pixels[:, :60] = 0
        expected = predictor.predict(np.ascontiguousarray(pixels[..., ::-1]))
        # White hides where it is clear.
        alpha = 255 * (pixels.max(2) > 0)
        pixels[:, :60] = 255
        path.write_bytes(save(with_alpha(pixels, alpha), 'PNG'))
    else:
        path.write_bytes(LOSSLESS[form](pixels))
    prediction = predictor.predict(path)
    np.testing.assert_array_equal(prediction.photograph, expected.photograph)
    np.testing.assert_array_equal(prediction.label, expected.label)
    assert len(prediction.notes) == (form != 'j2k')


def test_findings(folder, weights):
    prediction = Predictor(weights, device='cpu').predict(folder / 'eye.png')
    area = sum(finding.area for finding in prediction.findings)
    assert area == (prediction.label > 0).sum()


def test_a_jpeg_is_reduced_by_its_decoder_as_the_pipeline_says(folder, weights):
    predictor = Predictor(weights, device='cpu')
    pipeline = Compose(predictor.network.model.cfg.data.test.pipeline)
    for name in ('eye.jpg', 'eye.png'):
        sample = dict(img_info=dict(filename=str(folder / name)), img_prefix=None)
        expected = pipeline(sample)['img'][0].numpy()
        planes = predictor.read(folder / name).planes
        # A grey level is 1/32 here.
        assert abs(planes - expected).max() < 1.5 / 32
        assert (abs(planes - expected) > 1e-4).mean() < 0.01


def test_thresholds(folder, weights):
    thresholds = dict(EX=0.3, HE=0.01, SE=0.2, MA=0.05)
    plain = Predictor(weights, device='cpu').predict(folder / 'eye.png')
    predictor = Predictor(weights, device='cpu', thresholds=thresholds)
    prediction = predictor.predict(folder / 'eye.png')
    np.testing.assert_array_equal(prediction.probabilities, plain.probabilities)
    assert (prediction.label != plain.label).any()
    limits = np.array([*thresholds.values()])[:, None, None]
    above = (prediction.probabilities / limits >= 1 + 1e-3).any(0)
    assert (prediction.label[above] > 0).all()
    below = (prediction.probabilities / limits < 1 - 1e-3).all(0)
    assert (prediction.label[below] == 0).all()


def test_thresholds_that_came_with_the_weights(folder, weights, tmp_path):
    with pytest.raises(InputError, match='no thresholds came with these weights'):
        Predictor(weights, device='cpu', thresholds='published')
    path = str(tmp_path / 'published.safetensors')
    thresholds = dict(EX=0.3, HE=0.01, SE=0.2, MA=0.05)
    publish_weights(
        read_checkpoint(str(weights)), path, thresholds, trained_diameter=77
    )
    predictor = Predictor(path, device='cpu', thresholds='published')
    assert (predictor.name, predictor.device) == ('published.safetensors', 'cpu')
    assert predictor.thresholds == thresholds
    assert predictor.trained_diameter == 77
    assert predictor.made_by['thresholds'] == thresholds
    assert predictor.made_by['weights'] == file_sha256(path)
    prediction = predictor.predict(folder / 'eye.png')
    assert prediction.quality == assess_photograph(prediction.photograph, 77)
    unknown = Predictor(weights, device='cpu').predict(folder / 'eye.png')
    assert unknown.quality == assess_photograph(prediction.photograph)


def test_the_config_that_came_with_the_weights_is_the_one_of_the_file(folder, weights):
    """Whatever the file is called, whatever of it prediction does not need."""
    changed = folder / 'other name.py'
    changed.write_text((folder / 'ours.py').read_text() + '\nwork_dir = "elsewhere"\n')
    given = Predictor(weights, str(changed), 'cpu')
    found = Predictor(weights, device='cpu')
    assert given.made_by == found.made_by
    other = Predictor(weights, str(folder / 'normalized.py'), 'cpu')
    assert other.made_by != found.made_by
    np.testing.assert_array_equal(
        given.predict(folder / 'eye.jpg').label, found.predict(folder / 'eye.jpg').label
    )


def test_options(folder, weights):
    options = {'model.test_cfg.flips': True}
    by_option = Predictor(weights, device='cpu', options=options)
    by_argument = Predictor(weights, device='cpu', flips=True)
    path = folder / 'eye.png'
    np.testing.assert_array_equal(
        by_option.predict(path).probabilities, by_argument.predict(path).probabilities
    )


def test_a_network_that_predicts_classes_alone(folder, weights):
    options = {'model.test_cfg.output': 'label'}
    predictor = Predictor(weights, device='cpu', options=options)
    prediction = predictor.predict(folder / 'eye.png')
    assert prediction.probabilities is None
    expected = Predictor(weights, device='cpu').predict(folder / 'eye.png').label
    assert (prediction.label != expected).mean() < 2e-3
    thresholds = dict.fromkeys(CLASSES[1:], 0.5)
    predictor = Predictor(weights, None, 'cpu', thresholds, options=options)
    with pytest.raises(InputError, match='thresholds need probabilities'):
        predictor.predict(folder / 'eye.png')


def test_what_is_refused(folder, weights, tmp_path):
    with pytest.raises(InputError, match=r'nothing: no such file .*hacdr_idrid_cpu'):
        Predictor('nothing')
    bare = tmp_path / 'bare.pth'
    torch.save(dict(state_dict=torch.load(str(weights))['state_dict']), str(bare))
    with pytest.raises(InputError, match=r'bare\.pth: no config came with'):
        Predictor(bare, device='cpu')
    predictor = Predictor(weights, device='cpu')
    for wrong in (
        np.zeros((9, 9, 3), np.float32),
        np.zeros((9, 9), np.uint8),
        np.zeros((0, 9, 3), np.uint8),
    ):
        with pytest.raises(InputError, match=r'expected uint8 \(height, width, 3\)'):
            predictor.predict(wrong)
    with pytest.raises(InputError, match='no such file'):
        predictor.predict(tmp_path / 'none.jpg')


def test_the_example(tmp_path, monkeypatch):
    """A narrow photograph, for which the network that is published takes a moment."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((32, 960, 3), 90, np.uint8)).save('eye.jpg')
    results = [
        doctest.DocTestRunner().run(test)
        for test in doctest.DocTestFinder().find(
            module.Predictor, module=False, globs={}, name='Predictor'
        )
    ]
    assert sum(result.attempted for result in results) == 8
    assert sum(result.failed for result in results) == 0


@pytest.mark.parametrize('name', tiny.CONFIGS)
def test_what_is_no_number_is_no_healthy_eye(folder, weights, name, monkeypatch):
    """Weights are refused when they are loaded; here a sum overflows."""
    predictor = Predictor(weights, str(folder / f'{name}.py'), 'cpu')
    for method in ('logits', 'segment'):
        whole = np.full((5, 64, 96), np.nan, np.float32)
        monkeypatch.setattr(predictor.network, method, lambda _, whole=whole: whole)
    with pytest.raises(InputError, match='computes what is not a finite number'):
        predictor.predict(folder / 'eye.png')
