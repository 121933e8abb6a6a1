from pathlib import Path

import pytest

from hacdr.engine.config import check_config, load_config
from hacdr.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
IDRID = str(CONFIGS / 'hacdr_idrid.py')


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda p: p.stem)
def test_every_config_passes(path):
    check_config(load_config(str(path)))


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('modle.backbone.type', 'HACDR', 'did you mean model'),
        ('model.backbone.embed_dim', [1], r'model\.backbone\.embed_dim.*embed_dims'),
        ('model.decode_head.chanels', 3, r'decode_head\.chanels.*channels'),
        ('model.backbone.type', 'HACRD', 'unknown HACRD; did you mean HACDR'),
        ('data.sample_per_gpu', 2, 'did you mean samples_per_gpu'),
        ('data.val.ann_dirs', 'x', r'data\.val\.ann_dirs.*ann_dir'),
        ('data.train.dataset.ann_dirs', 'x', r'train\.dataset\.ann_dirs.*ann_dir'),
        (
            'data.train.dataset.pipeline.0.type',
            'LoadImage',
            r'data\.train\.dataset\.pipeline\[0\]',
        ),
        ('evaluation.intervall', 5, 'did you mean interval'),
        ('evaluation.metric', 'mAUPRC', 'mAUPR, mDice'),
        ('optimizer.learning_rate', 5, r'optimizer\.learning_rate'),
        ('runner.max_iter', 5, 'did you mean max_iters'),
        ('model.decode_head.num_classes', 4, 'is 4, but IDRiDDataset has 5 classes'),
        ('model.decode_head.class_prior', [1, 2], 'class_prior has 2 values'),
        ('model.decode_head.loss_decode.0.class_weight', [1.0], 'has 1 values'),
        ('model.decode_head.loss_decode.2.cls_num_list', [1.0], 'cls_num_list has 1'),
        ('fp16.loss_scale', 512.0, 'would train in float32; write optimizer_config='),
    ],
)
def test_a_mistake_gets_one_line(option, value, message):
    with pytest.raises(InputError, match=message) as caught:
        check_config(load_config(IDRID, {option: value}))
    assert '\n' not in str(caught.value)


def test_a_list_and_a_place_in_it():
    options = {
        'model.decode_head.loss_decode': [],
        'model.decode_head.loss_decode.0': 1,
    }
    with pytest.raises(InputError, match='--cfg-options'):
        load_config(IDRID, options)


def test_an_item_of_a_list_is_named_by_its_type():
    options = {
        'data.train.dataset.pipeline.LoadPhotograph.crop.context': 7,
        'data.train.dataset.pipeline.CutContext': dict(type='RandomCrop', crop_size=3),
        'data.test.pipeline.MultiScaleFlipAug.transforms.RandomFlip.prob': 1,
    }
    plain, cfg = load_config(IDRID), load_config(IDRID, options)
    before, after = (one.data.train.dataset.pipeline for one in (plain, cfg))
    assert after[0] == dict(before[0], crop=dict(before[0].crop, context=7))
    assert after[2] == dict(type='RandomCrop', crop_size=3)
    assert after[3:] == before[3:]
    assert cfg.data.test.pipeline[1].transforms[0] == dict(type='RandomFlip', prob=1)


@pytest.mark.parametrize(
    ('item', 'message'),
    [
        ('LoadPhotographs', '0 items of .* LoadPhotographs, expected one; there are L'),
        ('9', 'Index 9 exceeds the length'),
    ],
)
def test_an_item_that_a_list_has_not(item, message):
    options = {f'data.train.dataset.pipeline.{item}.crop': 1}
    with pytest.raises(InputError, match=f'--cfg-options.*{message}'):
        load_config(IDRID, options)


def test_a_type_that_two_items_have(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text("data = dict(steps=[dict(type='A'), dict(type='A'), 3])\n")
    with pytest.raises(InputError, match=r'2 items of data\.steps have the type A'):
        load_config(str(path), {'data.steps.A.x': 1})


def test_a_misspelt_section_of_a_file(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(f'_base_ = {IDRID!r}\nevalution = dict(interval=1)\n')
    cfg = load_config(str(path))
    cfg._cfg_dict.pop('evaluation')
    with pytest.raises(InputError, match=r'evalution.*did you mean evaluation'):
        check_config(cfg)


def test_variables_of_ones_own_are_allowed(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text(f'_base_ = {IDRID!r}\nmy_scale = 3\n')
    check_config(load_config(str(path)))


def test_files_that_are_no_configs(tmp_path):
    with pytest.raises(InputError, match='no such config'):
        load_config(str(tmp_path / 'a.py'))
    (tmp_path / 'a.py').write_text('model = dict(\n')
    with pytest.raises(InputError, match='SyntaxError'):
        load_config(str(tmp_path / 'a.py'))
