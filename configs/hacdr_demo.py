# A small HACDR-Net on generated photographs, for minutes of two CPU cores.
_base_ = [
    '_base_/models/hacdr.py',
    '_base_/schedules/schedule_crops.py',
    '_base_/losses_crops.py',
    '_base_/default_runtime.py',
]
class_pixels = [975, 8, 10, 2, 1]
model = dict(
    backbone=dict(
        embed_dims=[16, 32, 64, 96],
        depths=[1, 1, 2, 1],
        ffn_ratios=[4, 4, 4, 4],
        drop_rate=0.0,
        drop_path_rate=0.0,
        layer_scale=0.3,
    ),
    decode_head=dict(
        in_channels=[16, 32, 64, 96],
        channels=16,
        dropout_ratio=0.1,
        class_prior=class_pixels,
        loss_decode=[
            dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 4.0]),
            {{_base_.dice}},
            dict(
                type='NALoss',
                cls_num_list=class_pixels,
                min_kept=20000,
                loss_weight=0.1,
            ),
        ],
    ),
)

dataset_type = 'IDRiDDataset'
data_root = 'data/demo'
size = (1440, 960)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    # The contrast step looks around, and costs by the pixel.
    dict(type='LesionCrop', crop_size=(256, 256), context=60),
    dict(type='LocalContrastNormalize', sigma=30),
    dict(type='CutContext'),
    dict(type='RandomQuarterTurn'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_semantic_seg']),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=size,
        flip=False,
        transforms=[
            dict(type='RandomFlip'),
            dict(type='LocalContrastNormalize', sigma=30),
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img']),
        ],
    ),
]
data = dict(
    samples_per_gpu=4,
    workers_per_gpu=0,
    persistent_workers=False,
    # As the published scores were trained: shuffled across all copies, not within each.
    train=dict(
        type='RepeatDataset',
        times=50,
        dataset=dict(
            type=dataset_type,
            data_root=data_root,
            img_dir='images/train',
            ann_dir='labels/train',
            split='splits/train.txt',
            pipeline=train_pipeline,
        ),
    ),
    val=dict(
        type=dataset_type,
        data_root=data_root,
        img_dir='images/train',
        ann_dir='labels/train',
        split='splits/val.txt',
        pipeline=test_pipeline,
    ),
    test=dict(
        type=dataset_type,
        data_root=data_root,
        img_dir='images/test',
        ann_dir='labels/test',
        split='splits/test.txt',
        pipeline=test_pipeline,
        lesion_level=True,
    ),
)

lr_config = dict(warmup_iters=30)
runner = dict(max_iters=320)
checkpoint_config = dict(interval=50, max_keep_ckpts=1)
log_config = dict(interval=10)
evaluation = dict(interval=160, metric=['mAUPR', 'mDice', 'mIoU'])
