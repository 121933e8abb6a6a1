# HACDR-Net on DDR, by the recipe of hacdr_idrid.py.
_base_ = [
    '_base_/models/hacdr.py',
    '_base_/datasets/ddr_crops.py',
    '_base_/schedules/schedule_crops.py',
    '_base_/losses_crops.py',
    '_base_/iter_ema.py',
    '_base_/default_runtime.py',
]
# Pixels of background, EX, HE, SE, MA in DDR's train and valid photographs at
# 1280x1280.
class_pixels = [8.6558e8, 1.6184e6, 3.3566e6, 8.5343e5, 2.1746e5]
model = dict(
    backbone=dict(layer_scale=0.3),
    decode_head=dict(
        class_prior=class_pixels,
        loss_decode=[
            {{_base_.cross_entropy}},
            {{_base_.dice}},
            dict(type='NALoss', cls_num_list=class_pixels, loss_weight=0.2),
        ],
    ),
)
