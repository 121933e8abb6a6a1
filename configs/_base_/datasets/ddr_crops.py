# DDR as idrid_crops.py has IDRiD. Nothing was trained with it yet.
_base_ = ['./ddr.py']
img_scale = (1280, 1280)
contrast = dict(type='LocalContrastNormalize', sigma=30, fov_threshold=20)
train_pipeline = [
    # The contrast step looks around, and costs by the pixel.
    dict(
        type='LoadPhotograph',
        img_scale=img_scale,
        ratio_range=(0.8, 1.25),
        crop=dict(crop_size=(320, 320), context=60),
        cache_dir='data/cache',
        # Photographs at full and at half size: more than all of them take.
        cache_gb=40,
    ),
    contrast,
    dict(type='CutContext'),
    dict(type='RandomQuarterTurn'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomGainOffset'),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', 'gt_semantic_seg']),
]
test_pipeline = [
    dict(type='LoadPhotograph', img_scale=img_scale),
    dict(
        type='MultiScaleFlipAug',
        img_scale=img_scale,
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
    samples_per_gpu=8,
    workers_per_gpu=4,
    # As in idrid_crops.py: shuffled across all copies, not within each.
    train=dict(
        _delete_=True,
        type='RepeatDataset',
        times=1000,
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
