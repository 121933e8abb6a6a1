import sys
from pathlib import Path

import pytest
from mmseg.datasets import PIPELINES

from hacdr.engine.config import build_data, check_config, load_config, parse_options
from hacdr.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
IDRID = str(CONFIGS / 'hacdr_idrid.py')


@pytest.mark.parametrize('path', sorted(CONFIGS.glob('*.py')), ids=lambda p: p.stem)
def test_every_config_passes(path):
    check_config(load_config(str(path)))


# What is written, and the one line that it gets.
MISTAKES = [
    ('modle.backbone.type', 'HACDR', 'did you mean model'),
    ('model.backbone.embed_dim', [1], r'model\.backbone\.embed_dim.*embed_dims'),
    ('model.decode_head.chanels', 3, r'decode_head\.chanels.*channels'),
    ('model.backbone.type', 'HACRD', 'unknown HACRD; did you mean HACDR'),
    ('model.backbone.type', 'mmdet.HACDR', 'unknown mmdet.HACDR'),
    ('model.decode_head', 3, 'model.decode_head is 3, expected a dict'),
    ('data.sample_per_gpu', 2, 'did you mean samples_per_gpu'),
    ('data.samples_per_gpu', 0, 'is 0, expected a whole number of at least 1'),
    ('data.workers_per_gpu', -1, 'is -1, expected a whole number of at least 0'),
    ('data.val.ann_dirs', 'x', r'data\.val\.ann_dirs.*ann_dir'),
    ('data.train.dataset.ann_dirs', 'x', r'train\.dataset\.ann_dirs.*ann_dir'),
    (
        'data.train.dataset.pipeline.0.type',
        'LoadImage',
        r'data\.train\.dataset\.pipeline\[0\]',
    ),
    ('evaluation.intervall', 5, 'did you mean interval'),
    ('evaluation.interval', 0, 'evaluation.interval is 0, expected'),
    ('evaluation.metric', 'mAUPRC', 'unknown metric mAUPRC, IDRiDDataset has mAUPR, '),
    ('evaluation.save_best', 'mIoU', "'mIoU', expected one of evaluation.metric: mAU"),
    ('evaluation.rule', 'less', "rule is 'less', expected 'greater' for mAUPR"),
    ('optimizer.learning_rate', 5, r'optimizer\.learning_rate'),
    ('optimizer.lr', 'x', "optimizer.lr is 'x', expected a number from 0 on"),
    ('optimizer.lr', -1.0, 'optimizer.lr is -1.0, expected a number'),
    ('optimizer.lr', float('nan'), 'optimizer.lr is nan, expected a number'),
    ('optimizer.weight_decay', None, 'optimizer.weight_decay is None, expected'),
    ('optimizer.type', 'Adamw', 'unknown Adamw; did you mean Adam'),
    ('optimizer.constructor', 'Grouped', 'optimizer.constructor: unknown Grouped'),
    ('lr_config.policy', 'pol', 'lr_config.policy: unknown pol; did you mean Poly'),
    ('lr_config.powers', 1, r'lr_config\.powers.*did you mean power'),
    ('lr_config.by_epoch', True, 'lr_config.by_epoch is True, but the runner counts'),
    ('checkpoint_config.by_epoch', True, 'checkpoint_config.by_epoch is True, but'),
    ('optimizer_config.grad_clips', None, 'did you mean grad_clip'),
    ('checkpoint_config.intervall', 1, 'did you mean interval'),
    ('checkpoint_config.interval', 0, 'interval is 0, expected a whole number of at l'),
    ('checkpoint_config.interval', 2.5, 'interval is 2.5, expected a whole number of'),
    ('checkpoint_config.interval', None, 'interval is None, expected a whole number'),
    ('checkpoint_config.interval', -2, 'or -1 for a checkpoint at the end alone'),
    ('checkpoint_config.max_keep_ckpts', '1', "ckpts is '1', expected a whole number"),
    ('log_config.hooks.0.type', 'TextLogger', 'did you mean TextLoggerHook'),
    ('custom_hooks.0.type', 'EMAHooks', 'did you mean EMAHook'),
    ('runner.max_iter', 5, 'did you mean max_iters'),
    ('runner.max_iters', 0, 'runner.max_iters is 0, expected a whole number'),
    ('runner.max_epochs', 5, 'runner counts epochs; schedule, checkpoints and'),
    ('runner.type', 'EpochBasedRunner', "expected dict.type='ResumableIterBasedRunn"),
    ('workflow', [('val', 1)], r"workflow is \[\('val', 1\)\], expected"),
    ('workflow', [('train', 5), ('val', 1)], 'evaluation=... scores the validation'),
    ('workflow', [['train']], r'workflow is \[.*, expected'),
    ('model.decode_head.num_classes', 4, 'is 4, but IDRiDDataset of data.train has 5'),
    ('model.decode_head.class_prior', [1, 2], 'class_prior has 2 values'),
    ('model.decode_head.loss_decode.0.class_weight', [1.0], 'has 1 values'),
    ('model.decode_head.loss_decode.2.cls_num_list', [1.0], 'cls_num_list has 1'),
    ('model.test_cfg.mode', 'tiles', "is 'tiles', expected 'whole' or 'slide'"),
    ('model.test_cfg.mode', 'slide', 'test_cfg.crop_size is None, expected height and'),
    ('model.test_cfg.flip', True, 'test_cfg.flip: unknown config key; did you mean fl'),
    ('model.test_cfg.output', 'label', 'mAUPR needs probabilities, and the network'),
    ('model.type', 'EncoderDecoder', 'mAUPR needs probabilities, and the network'),
    ('data.val.classes', ['background', 'EX'], 'is 5, but IDRiDDataset of data.val ha'),
    ('data.val.classes', ['EX'], 'classes: EX, expected background first'),
    ('fp16.loss_scale', 512.0, 'would train in float32; write optimizer_config='),
    ('img_scale', (9, 9), 'img_scale is a variable of the config file'),
    ('dataset_type', 'DDRDataset', 'dataset_type is a variable of the config file'),
]


@pytest.mark.parametrize(('option', 'value', 'message'), MISTAKES)
def test_a_mistake_gets_one_line(option, value, message):
    with pytest.raises(InputError, match=message) as caught:
        check_config(load_config(IDRID, {option: value}))
    assert '\n' not in str(caught.value)


LOAD = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
FLIP = dict(type='RandomFlip', prob=0.5)
COLLECT = dict(type='Collect', keys=['img', 'gt_semantic_seg'])
WITHOUT_FLIP = dict(COLLECT, meta_keys=('filename', 'ori_shape'))


@PIPELINES.register_module()
class FlipOfAnotherProject:
    pass


def with_steps(steps):
    cfg = load_config(IDRID)
    cfg.data.train.dataset.pipeline = steps
    return cfg


@pytest.mark.parametrize(
    ('steps', 'message'),
    [
        (
            [*LOAD, FLIP, dict(FLIP, direction='vertical'), COLLECT],
            r'\[3\]: a second R',
        ),
        (
            [*LOAD, COLLECT],
            r'\[2\]: Collect finds no flip and flip_direction; expected',
        ),
        ([*LOAD, COLLECT, FLIP], r'\[2\]: Collect finds no flip and flip_direction'),
        ([*LOAD, dict(COLLECT, meta_keys=['flip'])], r'\[2\]: Collect finds no flip'),
    ],
)
def test_flips_that_do_nothing_and_flips_that_are_missed(steps, message):
    message = rf'data\.train\.dataset\.pipeline{message}'
    with pytest.raises(InputError, match=message) as caught:
        check_config(with_steps(steps))
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize(
    'steps',
    [
        [*LOAD, dict(FLIP, prob=0), COLLECT],
        [*LOAD, WITHOUT_FLIP],
        [*LOAD, dict(type='FlipOfAnotherProject'), COLLECT],
        [*LOAD, dict(type='Compose', transforms=[FLIP]), COLLECT],
    ],
)
def test_what_tells_the_flip_or_needs_none(steps):
    check_config(with_steps(steps))


def test_flips_of_a_data_set_within_another():
    cfg = with_steps([*LOAD, FLIP])
    inner = cfg.data.train.dataset
    cfg.data.train.dataset = dict(
        type='MultiImageMixDataset', dataset=inner, pipeline=[COLLECT]
    )
    check_config(cfg)


@pytest.mark.parametrize(
    'given', [None, {}, dict(interval=-1, max_keep_ckpts=2), dict(interval=0)]
)
def test_trainings_with_few_checkpoints(given):
    """As mmcv's hook takes them."""
    cfg = load_config(IDRID)
    cfg.checkpoint_config = given
    check_config(cfg)


def slide(crop_size, stride):
    return {'model.test_cfg': dict(mode='slide', crop_size=crop_size, stride=stride)}


@pytest.mark.parametrize(
    ('stride', 'message'),
    [
        (None, 'stride is None, expected height and width'),
        ((8, 0), r'stride is \(8, 0\), expected height and width'),
        ((9, 8), 'leaves gaps between crops of'),
    ],
)
def test_sliding_windows(stride, message):
    options = {'evaluation.metric': 'mDice', 'evaluation.save_best': None}
    check_config(load_config(IDRID, {**options, **slide((8, 8), (8, 4))}))
    with pytest.raises(InputError, match=message):
        check_config(load_config(IDRID, {**options, **slide((8, 8), stride)}))


def test_some_of_the_lesions():
    names = ['background', 'MA', 'EX']
    options = {
        'data.train.dataset.classes': names,
        'data.val.classes': names,
        'model.decode_head.num_classes': 3,
        'model.decode_head.class_prior': [9, 1, 1],
        'model.decode_head.loss_decode': [dict(type='CrossEntropyLoss')],
    }
    check_config(load_config(IDRID, options))
    options['data.val.classes'] = ['background', 'EX', 'MA']
    with pytest.raises(InputError, match=r'data\.val has the classes background, EX'):
        check_config(load_config(IDRID, options))


def test_our_segmentor_on_a_data_set_of_mmseg():
    data = dict(type='CustomDataset', img_dir='.', classes=list('abcde'), pipeline=[])
    loader = dict(samples_per_gpu=1, workers_per_gpu=0)
    options = {
        'data': dict(_delete_=True, **loader, train=data, val=data),
        'evaluation': dict(metric='mIoU'),
        'evaluation.save_best': 'mIoU',
    }
    message = "model.test_cfg.output is 'prob', but CustomDataset scores label maps"
    with pytest.raises(InputError, match=message):
        check_config(load_config(IDRID, {**options, 'data.val.type': 'CustomDataset'}))
    options['model.test_cfg.output'] = 'label'
    check_config(load_config(IDRID, options))
    options['evaluation.metric'] = 'mAUPR'
    with pytest.raises(InputError, match='mAUPR, CustomDataset has mIoU, mDice, mFsc'):
        check_config(load_config(IDRID, options))


@pytest.mark.parametrize(
    ('key', 'part'),
    [
        ('decode_head.sampler', dict(type='OHEMPixelSampler', thresh=0.7)),
        ('decode_head.dcn', dict(type='DCNv2', deform_groups=1)),
    ],
)
def test_parts_that_mmseg_keeps_in_other_registries(key, part):
    cfg = load_config(IDRID, {f'model.{key}': part})
    cfg.model.decode_head = dict(cfg.model.decode_head, type='FCNHead')
    for ours in ('mode', 'class_prior', 'zero_offset_init'):
        cfg.model.decode_head.pop(ours, None)
    if key.endswith('dcn'):
        with pytest.raises(InputError, match=r'decode_head\.dcn: unknown config key'):
            check_config(cfg)
    else:
        check_config(cfg)


def test_data_sets_are_joined_by_a_list():
    data = load_config(IDRID).data.val
    check_config(load_config(IDRID, {'data.val': [data, data]}))
    joined = dict(type='ConcatDataset', datasets=[data, data])
    wrapped = dict(type='RepeatDataset', times=2, dataset=joined)
    for where, part in (('data.val', joined), ('data.val.dataset', wrapped)):
        cfg = load_config(IDRID)
        cfg.data.val = part
        message = f'{where}.type is ConcatDataset, expected a list of data sets in pla'
        with pytest.raises(InputError, match=message):
            check_config(cfg)


@pytest.mark.parametrize(
    ('folders', 'message'),
    [
        (dict(img_dir=['a', 'b'], ann_dir=['c', 'd'], split=['e', 'f']), None),
        (dict(img_dir=['a', 'b'], ann_dir=None, split=None), None),
        (dict(img_dir=['a'], ann_dir='c', split='e'), None),
        (dict(img_dir='a', ann_dir='c', split=['e', 'f']), None),
        (
            dict(img_dir=['a', 'b'], ann_dir='c', split=None),
            r'2 of data\.val\.img_dir, 1 of data\.val\.ann_dir: expected as many of ea',
        ),
        (
            dict(img_dir=['a', 'b'], ann_dir=['c', 'd'], split='e'),
            r'2 of data\.val\.img_dir, 2 of .*, 1 of data\.val\.split: expected',
        ),
        (
            dict(img_dir=['a'], ann_dir='c', split=['e', 'f']),
            r'1 of .*, 1 of .*, 2 of .*: expected as many of each',
        ),
        (
            dict(img_dir='a', ann_dir=['c', 'd'], split=['e']),
            r'1 of .*, 2 of .*, 1 of .*: expected as many of each',
        ),
        (dict(img_dir=None, split=['e']), r'data\.val\.img_dir is missing'),
    ],
)
def test_folders_of_data_sets_that_are_joined(folders, message):
    cfg = load_config(IDRID)
    cfg.data.val.update(folders)
    if message is None:
        check_config(cfg)
    else:
        with pytest.raises(InputError, match=message):
            check_config(cfg)


def test_a_step_that_cannot_take_its_arguments(tmp_path):
    """Python's own errors say which class it was too."""
    crop = dict(type='LesionCrop', crop_size=[128, [64]])
    folders = dict(data_root=str(tmp_path), img_dir='.', ann_dir='.')
    data = dict(type='LesionDataset', pipeline=[crop], **folders)
    with pytest.raises(InputError, match=r'data\.train: .*Crop: .<. not supported'):
        build_data(data, 'data.train')


@pytest.mark.parametrize('key', ['samples_per_gpu', 'workers_per_gpu'])
def test_loaders_say_how_many(key):
    cfg = load_config(IDRID)
    number = cfg.data.pop(key)
    with pytest.raises(InputError, match=rf'data\.{key} is missing'):
        check_config(cfg)
    cfg.data.train_dataloader = {key: number}
    check_config(cfg)


def test_no_workers_fetch_nothing_ahead():
    options = {'data.workers_per_gpu': 0, 'data.prefetch_factor': 4}
    data = load_config(IDRID, options).data
    assert 'prefetch_factor' not in data
    assert not data.persistent_workers


def test_the_data_set_moves():
    cfg = load_config(IDRID, {'data_root': '/a', 'data.val.data_root': '/b'})
    roots = [cfg.data.train.dataset, cfg.data.val, cfg.data.test]
    assert [data.data_root for data in roots] == ['/a', '/b', '/a']
    assert cfg.data_root == '/a'


def test_the_data_set_moves_only_where_it_was(tmp_path):
    path = tmp_path / 'config.py'
    base = f'_base_ = {IDRID!r}\n'
    path.write_text(f"{base}data = dict(val=dict(data_root='/other'))\n")
    cfg = load_config(str(path), {'data_root': '/a'})
    assert cfg.data.val.data_root == '/other'
    path.write_text(f"{base}data_root = '/other'\n")
    expected = 'lies in /other; expected data.train.dataset.data_root, data.val.data_ro'
    with pytest.raises(InputError, match=expected):
        load_config(str(path), {'data_root': '/a'})
    path.write_text(
        "data = dict(train=dict(data_root='/b'), test=dict(data_root='/b'))"
    )
    assert load_config(str(path), {'data_root': '/a'}).data.test.data_root == '/a'


def test_no_workers_are_kept_where_there_are_none():
    assert not load_config(IDRID, {'data.workers_per_gpu': 0}).data.persistent_workers
    loader = {'data.train_dataloader': dict(workers_per_gpu=0)}
    assert not load_config(IDRID, loader).data.train_dataloader.persistent_workers
    assert 'persistent_workers' not in load_config(IDRID).data


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        # As mmcv reads it.
        ('a', 'a'),
        ('', ''),
        ('true', True),
        ('None', None),
        ('1e-3', 0.001),
        ('1,2', [1, 2]),
        ("'a','b'", ['a', 'b']),
        ('[a, b]', ['a', 'b']),
        ('(1,2)', (1, 2)),
        ('(1)', (1,)),
        ('[(1,2),(3)]', [(1, 2), (3,)]),
        ('((8,8))', ((8, 8),)),
        ('"[1,2]"', [1, 2]),
        ('iter_{}.pth', 'iter_{}.pth'),
        ('{}.pth', '{}.pth'),
        ('a=b', 'a=b'),
        # As Python does.
        ('[{"type": "A", "weight": [1, 2]}]', [dict(type='A', weight=[1, 2])]),
        ('{"type": "A", "b": None}', dict(type='A', b=None)),
        ('{}', {}),
        ('["hard exudates", "a,b"]', ['hard exudates', 'a,b']),
        ('[1,2],[3,4]', ([1, 2], [3, 4])),
    ],
)
def test_values_of_options(text, value):
    options = parse_options([f'x.y={text}', 'z=1'])
    assert options == {'x.y': value, 'z': 1}
    assert type(options['x.y']) is type(value)


@pytest.mark.parametrize(
    'text', ['((128,128)', '[1,2', 'a),(b', '[{1:[2,3}]', '(' * 999 + '1,2']
)
def test_a_value_that_cannot_be_read(text):
    with pytest.raises(InputError, match=r'--cfg-options a\.b: .* cannot be read, exp'):
        parse_options([f'a.b={text}'])


def test_an_option_that_holds_dicts():
    key = 'model.decode_head.loss_decode'
    losses = '[{"type":"CrossEntropyLoss","class_weight":[1,2,3,4,5]}]'
    cfg = load_config(IDRID, parse_options([f'{key}={losses}']))
    check_config(cfg)
    assert cfg.model.decode_head.loss_decode[0]['class_weight'] == [1, 2, 3, 4, 5]
    options = parse_options([f'{key}={losses.replace("class_weight", "class_weigth")}'])
    with pytest.raises(InputError, match='did you mean class_weight'):
        check_config(load_config(IDRID, options))


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


def test_files_that_are_no_configs(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(sys, 'unraisablehook', told.append)
    with pytest.raises(InputError, match='no such config'):
        load_config(str(tmp_path / 'a.py'))
    for text, error in (
        ('model = dict(\n', 'SyntaxError'),
        ('import nothing_of_this_name\n', 'ModuleNotFoundError'),
        ('raise SystemExit(3)\n', 'SystemExit: 3'),
    ):
        (tmp_path / 'a.py').write_text(text)
        with pytest.raises(InputError, match=error):
            load_config(str(tmp_path / 'a.py'))
    # Python would print it below the one line.
    assert not told


@pytest.mark.parametrize(
    'text',
    [
        "default_scope = 'mmseg'\n",
        'train_dataloader = dict()\n',
        'optim_wrapper = dict()\n',
        'from mmengine.config import read_base\nwith read_base():\n    import b\n',
    ],
)
def test_configs_of_another_mmsegmentation(tmp_path, text):
    path = tmp_path / 'a.py'
    path.write_text(text)
    message = r'a\.py: a config of mmsegmentation 1\.x, expected one of 0\.x'
    with pytest.raises(InputError, match=message):
        load_config(str(path))
    path.write_text(f"_base_ = {IDRID!r}\ndefault_scope = 'mmseg'\n")
    check_config(load_config(str(path)))
