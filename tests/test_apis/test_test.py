from pathlib import Path

import cv2
import numpy as np
import pytest
from mmcv import Config, ConfigDict
from mmseg.datasets.pipelines import Compose

from hacdr.apis.test import (
    check_shown,
    dataset_to_test,
    enable_tta,
    keep_out_of_data,
    require_lesion_dataset,
)
from hacdr.engine.config import load_config
from hacdr.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
TEST = dict(type='IDRiDDataset', split='splits/test.txt', pipeline=['test'])


def config(**data):
    return Config(dict(data={'test': TEST, **data}))


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


@pytest.mark.parametrize('val', [dict(TEST, split=['a.txt', 'b.txt']), [TEST, TEST]])
def test_joined_data_sets(val):
    with pytest.raises(InputError, match='joins several data sets'):
        dataset_to_test(config(val=val), 'val')


def test_the_pipeline_of_joined_test_sets():
    cfg = config(val=TEST, test=[TEST, TEST])
    with pytest.raises(InputError, match=r'data\.test joins several data sets'):
        dataset_to_test(cfg, 'val')


@pytest.mark.parametrize('inside', [False, True])
def test_a_part_of_a_photograph_is_not_painted(inside):
    crop, load = dict(type='FundusCrop'), dict(type='LoadPhotograph')
    augment = dict(type='MultiScaleFlipAug', transforms=[crop] if inside else [])
    pipeline = [load, augment] if inside else [load, crop, augment]
    check_shown(ConfigDict(pipeline=[load]))
    with pytest.raises(InputError, match='--show-dir: FundusCrop leaves a part'):
        check_shown(ConfigDict(pipeline=pipeline))


def test_a_dataset_of_others():
    require_lesion_dataset('DDRDataset')
    with pytest.raises(InputError, match='CityscapesDataset is no LesionDataset'):
        require_lesion_dataset('CityscapesDataset')


def versions(config_file, tmp_path):
    """The versions of a photograph that a config's test makes with --aug-test."""
    photograph = np.random.default_rng(0).integers(0, 255, (96, 144, 3))
    cv2.imwrite(str(tmp_path / 'a.jpg'), photograph)
    data = dataset_to_test(load_config(str(CONFIGS / config_file)), 'test')
    enable_tta(data)
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


@pytest.mark.parametrize('folder', ['set/images/test', 'set/labels/test/new'])
def test_pictures_do_not_replace_the_photographs(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    data = ConfigDict(data_root='set', img_dir='images/test', ann_dir='labels/test')
    with pytest.raises(InputError, match='expected another folder'):
        keep_out_of_data(folder, data)
    keep_out_of_data('set/images/test_shown', data)
