import json

import numpy as np
import pytest
from mmcv import Config
from PIL import Image

from hacdr.conversion.layout import LAYOUT_VERSION
from hacdr.errors import InputError
from hacdr.report.contact_sheets import (
    GAP,
    Sample,
    contact_sheet,
    converted_samples,
    pipeline_samples,
)

RED, BLUE = [0, 0, 255], [255, 0, 0]


@pytest.fixture
def root(tmp_path):
    """Photographs a to e, grey of 100; one EX in each, in c ignored pixels."""
    names = 'abcde'
    label = np.zeros((60, 90), np.uint8)
    label[20:40, 30:50] = 1
    for name in names:
        for folder, values, suffix in (
            ('images', np.full((60, 90, 3), 100, np.uint8), 'jpg'),
            ('labels', label, 'png'),
        ):
            path = tmp_path / folder / 'train' / f'{name}.{suffix}'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(path)
    (tmp_path / 'splits').mkdir()
    (tmp_path / 'splits' / 'trainval.txt').write_text('\n'.join(names))
    (tmp_path / 'splits' / 'val.txt').write_text('')
    images = [dict(name=name, subset='train') for name in names]
    manifest = dict(
        layout=LAYOUT_VERSION,
        splits=dict(trainval=5, val=0),
        photograph_format='JPEG',
        images=images,
    )
    (tmp_path / 'manifest.json').write_text(json.dumps(manifest))
    return tmp_path


def config(root, *steps):
    load = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    dataset = dict(
        type='LesionDataset',
        data_root=str(root),
        img_dir='images/train',
        ann_dir='labels/train',
        pipeline=[*load, *steps],
    )
    return Config(dict(data=dict(train=dataset)))


BUNDLE = dict(type='DefaultFormatBundle')


def collect(*meta_keys):
    keys = ['img', 'gt_semantic_seg']
    return dict(type='Collect', keys=keys, meta_keys=meta_keys)


def test_photographs_of_a_converted_set(root):
    samples = list(converted_samples(root))
    assert [sample.title for sample in samples] == list('abcde')
    assert samples[0].photograph.shape == (60, 90, 3)
    assert samples[0].label[30, 40] == 1


def test_a_few_are_spread_over_the_split(root):
    assert [s.title for s in converted_samples(root, number=2)] == ['a', 'c']
    assert len(list(converted_samples(root, number=99))) == 5


def test_what_is_missing(root, tmp_path):
    with pytest.raises(InputError, match=r'no such split, expected one of trainval, v'):
        next(converted_samples(root, 'test'))
    with pytest.raises(InputError, match=r'val\.txt: lists no photograph'):
        next(converted_samples(root, 'val'))
    (root / 'images' / 'train' / 'a.jpg').write_bytes(b'')
    with pytest.raises(InputError, match=r'a\.jpg: photograph cannot be decoded'):
        next(converted_samples(root))
    (root / 'manifest.json').unlink()
    with pytest.raises(InputError, match='not a converted data set'):
        next(converted_samples(root))


@pytest.mark.parametrize('to_rgb', [True, False])
def test_normalisation_is_undone(root, to_rgb):
    photograph = np.full((60, 90, 3), (10, 100, 200), np.uint8)
    Image.fromarray(photograph).save(root / 'images' / 'train' / 'a.jpg', quality=100)
    norm = dict(type='Normalize', mean=[9, 8, 7], std=[3, 4, 5], to_rgb=to_rgb)
    keys = 'img_norm_cfg', 'ori_filename'
    cfg = config(root, norm, BUNDLE, collect(*keys))
    (sample,) = pipeline_samples(cfg, 1)
    difference = abs(sample.photograph.astype(int) - photograph[..., ::-1])
    assert difference.max() <= 3
    assert sample.title == 'a'
    assert sample.label[30, 40] == 1


def test_what_is_too_bright_is_cut_off(root):
    steps = [
        dict(type='Normalize', mean=[0, 0, 0], std=[1, 1, 1], to_rgb=False),
        dict(type='RandomGainOffset', gain=(4, 4), offset=0),
    ]
    cfg = config(root, *steps, BUNDLE, collect('img_norm_cfg', 'ori_filename'))
    (sample,) = pipeline_samples(cfg, 1)
    assert (sample.photograph == 255).all()


def test_draws_follow_the_seed(root):
    steps = [
        dict(type='LesionCrop', crop_size=(30, 30)),
        BUNDLE,
        collect('img_norm_cfg', 'ori_filename'),
    ]
    cfg = config(root, *steps)
    runs = [list(pipeline_samples(cfg, 2, 3, seed)) for seed in (1, 1, 2)]
    assert [s.title for s in runs[0]] == [f'{n} ({i})' for n in 'ac' for i in (1, 2, 3)]
    labels = [np.stack([s.label for s in run]) for run in runs]
    assert (labels[0] == labels[1]).all()
    assert (labels[0] != labels[2]).any()


@pytest.mark.parametrize('steps', [[], [BUNDLE, collect('ori_filename')]])
def test_pipelines_that_end_too_early(root, steps):
    with pytest.raises(InputError, match=r'data\.train\.pipeline: ends without'):
        next(pipeline_samples(config(root, *steps), 1))


def panel_of(label, width=90):
    photograph = np.full((*label.shape, 3), 100, np.uint8)
    return contact_sheet([Sample('a', photograph, label)], 1, width)


def test_outlines_and_ignored_pixels_are_drawn():
    label = np.zeros((600, 900), np.uint8)
    label[200:400, 300:500] = 2
    label[:, 800:] = 255
    sheet = panel_of(label, 180)
    top = int(44 * 180 / 900)
    assert sheet[top + 60, 40].tolist() == [100] * 3
    assert sheet[top + 60, 60].tolist() == BLUE
    assert sheet[top + 60, 80].tolist() == [100] * 3
    assert sheet[top + 60, 170].tolist() == [96] * 3


def test_a_speck_is_seen_on_a_small_panel():
    label = np.zeros((600, 900), np.uint8)
    label[300:303, 401:404] = 1
    with_speck, without = (panel_of(values, 100) for values in (label, 0 * label))
    top = int(44 * 100 / 900)
    rows, columns = np.nonzero((with_speck != without).any(-1)[top : top + 67])
    assert (rows[0], columns[0], len(rows)) == (33, 44, 1)
    assert with_speck[top + 33, 44].tolist() == RED


def test_sheets_are_rows_of_panels():
    photograph = np.zeros((60, 90, 3), np.uint8)
    sample = Sample('a', photograph, photograph[..., 0])
    one = contact_sheet([sample], 3, 120)
    assert one.shape[1] == 3 * (120 + GAP)
    assert contact_sheet([sample] * 3, 3, 120).shape == one.shape
    four = contact_sheet([sample] * 4, 3, 120)
    assert four.shape[1] == one.shape[1]
    panel = (four.shape[0] - one.shape[0]) - GAP
    assert panel == int(44 * 120 / 900) + 80 + int(48 * 120 / 900)


def test_photographs_of_several_shapes():
    shapes = [(60, 90), (90, 60), (30, 90)]
    samples = [
        Sample('a', np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8))
        for shape in shapes
    ]
    sheet = contact_sheet(samples, 2, 100)
    assert sheet.shape[1] == 2 * (100 + GAP)
