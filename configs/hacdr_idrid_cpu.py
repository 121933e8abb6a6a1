# A HACDR-Net of half the width on IDRiD, for an hour of two CPU cores, from random
# weights: crops of a photograph reduced to 1440 pixels. Of the larger crops 85 % hold a
# pixel of a lesion drawn evenly from the four, of the smaller ones cut from them it is
# still there in six of ten.
_base_ = [
    '_base_/models/hacdr.py',
    '_base_/datasets/idrid.py',
    '_base_/default_runtime.py',
]
# Label pixels of the 54 training photographs: background, EX, HE, SE, MA.
class_pixels = [645688315, 5318838, 6499117, 1248863, 704963]
model = dict(
    backbone=dict(
        embed_dims=[24, 48, 96, 128],
        depths=[2, 2, 3, 2],
        ffn_ratios=[4, 4, 4, 4],
        near_far_kernel=0,
    ),
    decode_head=dict(
        in_channels=[24, 48, 96, 128],
        channels=24,
        dropout_ratio=0.1,
        class_prior=class_pixels,
        loss_decode=[
            dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0]),
            dict(
                type='DiceLoss',
                class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
                ignore_index=255,
                loss_weight=0.5,
            ),
        ],
    ),
)

size = (1440, 960)
contrast = dict(type='LocalContrastNormalize', sigma=30, darkest=20)
train_pipeline = [
    # The contrast step needs a margin, and costs by the pixel: crop, normalise, crop.
    dict(
        type='LoadPhotograph',
        img_scale=size,
        ratio_range=(0.8, 1.25),
        crop=dict(crop_size=(384, 384)),
        cache_dir='data/cache',
    ),
    contrast,
    dict(type='RandomCrop', crop_size=(320, 320)),
    dict(type='RandomQuarterTurn'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomGainOffset'),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_semantic_seg']),
]
test_pipeline = [
    dict(type='LoadPhotograph', img_scale=size),
    dict(
        type='MultiScaleFlipAug',
        img_scale=size,
        flip=False,
        transforms=[
            dict(type='RandomFlip'),
            contrast,
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img']),
        ],
    ),
]
data = dict(
    samples_per_gpu=4,
    workers_per_gpu=0,
    persistent_workers=False,
    # mmcv pauses for two seconds after each pass over the data: make passes long.
    train=dict(
        _delete_=True,
        type='RepeatDataset',
        times=50,
        dataset=dict(
            type={{_base_.dataset_type}},
            data_root={{_base_.data_root}},
            img_dir='images/train',
            ann_dir='labels/train',
            split='splits/train.txt',
            pipeline=train_pipeline,
        ),
    ),
    val=dict(pipeline=test_pipeline),
    test=dict(pipeline=test_pipeline),
)

optimizer = dict(
    type='AdamW',
    lr=1e-3,
    weight_decay=0.01,
    paramwise_cfg=dict(custom_keys=dict(conv_offset=dict(lr_mult=0.1))),
)
optimizer_config = dict(grad_clip=dict(max_norm=5))
lr_config = dict(
    policy='poly', power=0.9, warmup='linear', warmup_iters=50, by_epoch=False
)
runner = dict(type='IterBasedRunner', max_iters=2000)
checkpoint_config = dict(by_epoch=False, interval=50, max_keep_ckpts=1)
log_config = dict(interval=20)
evaluation = dict(
    interval=1000,
    metric=['mAUPR', 'mDice'],
    pre_eval=True,
    save_best='mAUPR',
    rule='greater',
)
