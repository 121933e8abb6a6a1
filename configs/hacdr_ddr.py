# HACDR-Net on DDR at 1280x1280.
_base_ = [
    '_base_/models/hacdr.py',
    '_base_/datasets/ddr.py',
    '_base_/schedules/schedule_40k.py',
    '_base_/default_runtime.py',
]
# Pixels of background, EX, HE, SE, MA in DDR's train and valid photographs at
# 1280x1280.
class_pixels = [8.6558e8, 1.6184e6, 3.3566e6, 8.5343e5, 2.1746e5]
model = dict(
    decode_head=dict(
        class_prior=class_pixels,
        loss_decode=[
            dict(
                type='CrossEntropyLoss',
                loss_weight=1.0,
                class_weight=[0.5, 0.7, 1.1, 0.7, 1.5],
            ),
            dict(type='NALoss', cls_num_list=class_pixels, loss_weight=0.2),
        ],
    ),
)
