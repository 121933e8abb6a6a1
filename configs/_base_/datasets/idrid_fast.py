# idrid.py with samples loaded several times as fast: JPEGs decoded no larger than
# needed, reduced by area, cropped before they are resized; crops that show rare
# lesions. With a cache, more so:
#   --cfg-options data.train.pipeline.LoadPhotograph.cache_dir=data/cache
_base_ = ['./idrid.py']
img_norm_cfg = dict(
    mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True
)
img_scale = (1440, 960)
crop_size = (960, 1440)
train_pipeline = [
    dict(
        type='LoadPhotograph',
        img_scale=img_scale,
        ratio_range=(0.5, 2.0),
        crop=dict(crop_size=crop_size, lesion_prob=0.85),
    ),
    dict(type='RandomFlip', prob=0.5),
    dict(type='FastPhotoMetricDistortion'),
    dict(type='NormalizeAndFormat', size=crop_size, **img_norm_cfg),
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
            dict(type='Normalize', **img_norm_cfg),
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img']),
        ],
    ),
]
data = dict(
    train=dict(pipeline=train_pipeline),
    val=dict(pipeline=test_pipeline),
    test=dict(pipeline=test_pipeline),
)
