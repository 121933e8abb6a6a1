import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv import Config
from mmseg.datasets.pipelines import Compose

from hacdr.apis import (
    average_versions,
    check_scored,
    dataset_to_test,
    load_config,
    read_thresholds,
)
from hacdr.errors import InputError
from hacdr.evaluation import Protocol, summarise, truth_bits, write_results
from hacdr.evaluation.scores import score_image

CONFIGS = Path(__file__).parents[2] / 'configs'
TEST = dict(type='IDRiDDataset', split='splits/test.txt', pipeline=['test'])


def config(**data):
    return Config(dict(data=dict(test=TEST, **data)))


def test_training_photographs_go_through_the_pipeline_of_the_test():
    inner = dict(type='IDRiDDataset', split='splits/train.txt', pipeline=['crop'])
    cfg = config(train=dict(type='RepeatDataset', times=3, dataset=inner))
    data = dataset_to_test(cfg, 'train')
    assert data.split == 'splits/train.txt'
    assert data.pipeline == ['test']
    assert data.test_mode
    assert cfg.data.train.dataset.pipeline == ['crop']


def test_the_test_itself():
    assert dataset_to_test(config(), 'test').split == 'splits/test.txt'


def test_a_split_that_is_missing():
    with pytest.raises(InputError, match=r'no data\.val, which --split val needs'):
        dataset_to_test(config(), 'val')


def test_joined_data_sets():
    cfg = config(val=dict(TEST, split=['a.txt', 'b.txt']))
    with pytest.raises(InputError, match='joins several data sets'):
        dataset_to_test(cfg, 'val')


def test_a_dataset_of_others():
    check_scored('DDRDataset')
    with pytest.raises(InputError, match='CityscapesDataset is no LesionDataset'):
        check_scored('CityscapesDataset')


def versions(config_file, tmp_path):
    """The versions of a photograph that a config's test makes with --aug-test."""
    photograph = np.random.default_rng(0).integers(0, 255, (96, 144, 3))
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph)
    data = dataset_to_test(load_config(str(CONFIGS / config_file)), 'test')
    average_versions(data)
    sample = dict(img_info=dict(filename='a.jpg'), img_prefix=str(tmp_path))
    return Compose(data.pipeline)(sample)['img']


def test_versions_of_a_photograph(tmp_path):
    images = versions('hacdr_idrid_released.py', tmp_path)
    assert len({image.shape for image in images}) == 6
    assert len(images) == 12


def test_versions_without_a_resizing_step(tmp_path):
    with pytest.raises(InputError, match='no MultiScaleFlipAug with a Resize'):
        versions('hacdr_idrid_cpu.py', tmp_path)


@pytest.mark.parametrize('config_file', ['hacdr_idrid_cpu.py', 'hacdr_demo.py'])
def test_mirror_images_within_the_pipeline(config_file, tmp_path):
    photograph = np.random.default_rng(0).integers(0, 255, (96, 144, 3))
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph)
    pipeline = load_config(str(CONFIGS / config_file)).data.test.pipeline
    pipeline[-1].flip = True
    sample = dict(img_info=dict(filename='a.jpg'), img_prefix=str(tmp_path))
    assert len(Compose(pipeline)(sample)['img']) == 2


@pytest.fixture
def results(tmp_path):
    probabilities = np.zeros((5, 1, 3), np.float32)
    probabilities[1] = [0.9, 0.6, 0.1]
    truth = truth_bits(np.array([[1, 1, 0]], np.uint8))
    scores = [score_image(probabilities, truth)]
    path = tmp_path / 'results_val.json'
    write_results(
        str(path),
        scores,
        ['a.jpg'],
        ['a.png'],
        summarise(scores, choose=True),
        Protocol(),
        split='val',
        dataset='IDRiDDataset',
        data_root='data',
        config='a.py',
        checkpoint_sha256='00',
        probabilities=None,
    )
    return path


def test_thresholds_of_validation_photographs(results):
    thresholds = read_thresholds(str(results), '00', 'IDRiDDataset')
    assert thresholds['EX'] == pytest.approx(0.6)
    assert list(thresholds) == ['EX', 'HE', 'SE', 'MA']


@pytest.mark.parametrize(
    ('changes', 'checkpoint', 'message'),
    [
        (dict(split='test'), '00', 'must not choose thresholds'),
        ({}, '11', 'a checkpoint with sha256 00, expected 11'),
        (dict(dataset='DDRDataset'), '00', 'for DDRDataset, expected IDRiD'),
    ],
)
def test_thresholds_of_others(results, changes, checkpoint, message):
    results.write_text(json.dumps({**json.loads(results.read_text()), **changes}))
    with pytest.raises(InputError, match=message):
        read_thresholds(str(results), checkpoint, 'IDRiDDataset')
