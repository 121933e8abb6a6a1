# A HACDR-Net of half the width on IDRiD, for an hour of two CPU cores, from random
# weights.
_base_ = [
    '_base_/models/hacdr.py',
    '_base_/datasets/idrid_crops.py',
    '_base_/schedules/schedule_crops.py',
    '_base_/weight_average.py',
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
        layer_scale=0.3,
    ),
    decode_head=dict(
        in_channels=[24, 48, 96, 128],
        channels=24,
        dropout_ratio=0.1,
        class_prior=class_pixels,
        loss_decode=[
            dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0]),
            # Where a crop does not show a lesion, mmseg's Dice loss is all but 1 unless
            # hardly a pixel is scored: with its smooth=1 rare lesions are unlearnt.
            dict(
                type='DiceLoss',
                class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
                ignore_index=255,
                smooth=1000,
                loss_weight=0.5,
            ),
        ],
    ),
)
# mmcv pauses for two seconds where a loader's workers begin a pass anew.
data = dict(workers_per_gpu=0, persistent_workers=False)
custom_hooks = [
    dict(type='WeightAverageHook', decay=0.998, priority='ABOVE_NORMAL'),
]
runner = dict(type='IterBasedRunner', max_iters=2600)
log_config = dict(interval=20)
evaluation = dict(interval=500)
