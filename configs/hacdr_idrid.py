# HACDR-Net on IDRiD at 960x1440, chosen on the val part of the training photographs.
_base_ = [
    '_base_/models/hacdr.py',
    '_base_/datasets/idrid.py',
    '_base_/schedules/schedule_40k.py',
    '_base_/default_runtime.py',
]
# Label pixels of the 54 training photographs: background, EX, HE, SE, MA. Only their
# ratios matter to the loss and to the prior.
class_pixels = [645688315, 5318838, 6499117, 1248863, 704963]
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
