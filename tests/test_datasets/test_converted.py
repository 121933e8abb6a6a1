import json
from pathlib import Path

import numpy as np
import pytest
from mmcv import Config
from mmseg.datasets import DATASETS, build_dataloader, build_dataset

from hacdr.conversion import convert, open_source
from hacdr.conversion.ddr import read_ddr
from hacdr.conversion.idrid import read_idrid
from hacdr.conversion.own import read_mask_folders
from hacdr.conversion.splits import split_members
from hacdr.errors import InputError
from tests.test_conversion.test_own.folder import Folder, convert_own

CONFIGS = Path(__file__).parents[2] / 'configs'
LOAD = [dict(type='LoadImageFromFile')]
LOAD_WITH_LABELS = [*LOAD, dict(type='LoadAnnotations')]


@pytest.fixture
def root(raw, tmp_path):
    source = open_source(raw.root)
    convert(source, read_idrid(source), tmp_path / 'IDRiD', jobs=1)
    return tmp_path / 'IDRiD'


def test_ddr_as_configured(raw_ddr, tmp_path):
    source = open_source(raw_ddr.root)
    convert(source, read_ddr(source), tmp_path / 'DDR', jobs=1)
    config = Config.fromfile(str(CONFIGS / '_base_' / 'datasets' / 'ddr.py'))
    names = {}
    for part in ('train', 'val', 'test'):
        config.data[part].update(data_root=str(tmp_path / 'DDR'), pipeline=LOAD)
        dataset = build_dataset(config.data[part])
        names[part] = [info['filename'] for info in dataset.img_infos]
        assert np.unique(dataset.get_gt_seg_map_by_idx(0)).max() > 0
    assert names == dict(
        train=['007-1774-100.jpg', '007-5625-300.jpg'],
        val=['007-1789-100.jpg', '20170413102628830.jpg'],
        test=['007-6219-300.jpg', '007-6325-400.jpg'],
    )


def build(root, split='train', **options):
    part = 'test' if split == 'test' else 'train'
    config = dict(
        type='IDRiDDataset',
        data_root=str(root),
        img_dir=f'images/{part}',
        ann_dir=f'labels/{part}',
        split=split and f'splits/{split}.txt',
        pipeline=LOAD_WITH_LABELS,
    )
    return build_dataset({**config, **options})


def test_registered():
    assert {'IDRiDDataset', 'DDRDataset', 'ConvertedDataset'} <= set(
        DATASETS.module_dict
    )


def test_loads_what_was_converted(root):
    dataset = build(root)
    assert len(dataset) == 2
    assert dataset.CLASSES == ('background', 'EX', 'HE', 'SE', 'MA')
    sample = dataset[0]
    assert sample['img'].shape == (48, 64, 3)
    assert np.unique(sample['gt_semantic_seg']).tolist() == [0, 1, 2, 4]
    assert dataset.get_gt_seg_map_by_idx(0)[9, 9] == 4


@pytest.mark.parametrize(
    ('split', 'count'), [('train', 2), ('val', 1), ('trainval', 3), ('test', 1)]
)
def test_splits(root, split, count):
    assert len(build(root, split, test_mode=True, pipeline=LOAD)) == count


def test_without_a_split_all_photographs_are_taken(root):
    assert len(build(root, split=None)) == 3


def test_not_converted(tmp_path):
    command = f'hacdr convert idrid DOWNLOAD -o {tmp_path}'
    with pytest.raises(InputError, match=f'images/train: not found.*{command}'):
        build(tmp_path)


def test_the_download_is_not_converted(raw):
    with pytest.raises(InputError, match='not found, expected a converted data set'):
        build(raw.root)


@pytest.mark.parametrize(
    'file', ['images/train/IDRiD_02.jpg', 'labels/train/IDRiD_02.png']
)
def test_a_file_of_the_split_is_missing(root, file):
    (root / file).unlink()
    with pytest.raises(InputError, match=rf'{file}: .* of .*train\.txt is missing'):
        build(root)


def test_a_label_map_is_missing_without_a_split(root):
    (root / 'labels' / 'train' / 'IDRiD_02.png').unlink()
    with pytest.raises(InputError, match=r'label map of .*images/train is missing'):
        build(root, split=None)


def test_an_empty_split(root):
    (root / 'splits' / 'train.txt').write_text('')
    with pytest.raises(InputError, match=r'train\.txt: lists no photograph'):
        build(root)


def cut_off(path, kept):
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])


@pytest.mark.parametrize('test_mode', [False, True])
@pytest.mark.parametrize('kept', [0, 0.5])
def test_a_photograph_that_is_cut_off_is_named(root, test_mode, kept):
    dataset = build(root, test_mode=test_mode, pipeline=LOAD)
    path = root / 'images' / 'train' / 'IDRiD_02.jpg'
    cut_off(path, kept)
    assert dataset[0]['img'] is not None
    with pytest.raises(InputError, match=r'IDRiD_02\.jpg: photograph cannot be dec'):
        dataset[1]


@pytest.mark.parametrize('kept', [0, 0.5])
def test_a_label_map_that_is_cut_off_is_named(root, kept):
    dataset = build(root)
    path = root / 'labels' / 'train' / 'IDRiD_02.png'
    cut_off(path, kept)
    assert dataset[0]['gt_semantic_seg'] is not None
    with pytest.raises(InputError, match=r'IDRiD_02\.png: '):
        dataset[1]


def test_a_photograph_that_is_cut_off_is_named_through_a_worker(root):
    pipeline = [
        *LOAD_WITH_LABELS,
        dict(type='DefaultFormatBundle'),
        dict(type='Collect', keys=['img', 'gt_semantic_seg'], meta_keys=[]),
    ]
    dataset = build(root, pipeline=pipeline)
    (root / 'images' / 'train' / 'IDRiD_02.jpg').write_bytes(b'\xff\xd8\xff')
    loader = build_dataloader(dataset, 1, 1, dist=False, seed=0)
    with pytest.raises(InputError, match=r'IDRiD_02\.jpg: photograph cannot be dec'):
        list(loader)


def test_other_failures_are_left_as_they_are(root):
    crop = dict(type='LesionCrop', crop_size=9, lesion_prob=1.0)
    dataset = build(root, pipeline=[*LOAD, crop])
    with pytest.raises(KeyError, match='gt_semantic_seg'):
        dataset[0]


def test_a_data_set_of_a_former_layout(root):
    path = root / 'manifest.json'
    manifest = {**json.loads(path.read_text()), 'layout': 2}
    path.write_text(json.dumps(manifest))
    expected = rf'{root}: was converted by another version .*layout 2, expected \d'
    with pytest.raises(InputError, match=expected):
        build(root)
    with pytest.raises(InputError, match=expected):
        split_members(root, 'train')


def test_a_data_set_put_together_by_hand(root):
    (root / 'manifest.json').unlink()
    assert len(build(root)) == 2


def test_data_of_ones_own_with_other_classes(tmp_path):
    eyes = Folder(tmp_path / 'eyes')
    for index, name in enumerate(['1_left', '2_left', '3_left']):
        eyes.photograph(f'images/{name}.png', index)
        eyes.square(f'IRMA/{name}.png')
    eyes.square('MA/1_left.png', top=12)
    options = dict(classes=('IRMA', 'MA'))
    convert_own(read_mask_folders, eyes.root, tmp_path / 'own', **options)
    found = {}
    for split in ('train', 'val', 'test'):
        dataset = build(tmp_path / 'own', split, type='ConvertedDataset')
        assert dataset.CLASSES == ('background', 'MA', 'IRMA')
        for index, info in enumerate(dataset.img_infos):
            found[info['filename']] = dataset[index]['gt_semantic_seg']
    assert sorted(found) == ['1_left.png', '2_left.png', '3_left.png']
    assert np.unique(found['1_left.png']).tolist() == [0, 1, 2]
    assert (found['2_left.png'] == 2).sum() == 25
    chosen = ['background', 'IRMA']
    dataset = build(tmp_path / 'own', 'train', type='ConvertedDataset', classes=chosen)
    assert np.unique(dataset[0]['gt_semantic_seg']).tolist() == [0, 1]
