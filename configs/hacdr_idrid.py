# HACDR-Net on IDRiD. Where it departs from the paper a line says so; what the changes
# bring, measured on a CPU with a part of the network, is in docs/results.md.
_base_ = [
    '_base_/models/hacdr.py',
    # Crops of 320 pixels around lesions, not 960x1440 anywhere; local contrast
    # normalised, as the paper's figure shows it but its code does not.
    '_base_/datasets/idrid_crops.py',
    # AdamW at 2e-3, offset predictors at a tenth of it, in place of 6e-5 (head 9e-4).
    '_base_/schedules/schedule_crops.py',
    # An average of the weights is tested, not the last ones.
    '_base_/weight_average.py',
    '_base_/default_runtime.py',
]
# Label pixels of the 54 training photographs: background, EX, HE, SE, MA. Only their
# ratios matter to the loss and to the prior.
class_pixels = [645688315, 5318838, 6499117, 1248863, 704963]
losses = [
    # Weights 0.5, 0.7, 1.1, 0.7, 1.5 in the released code.
    dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0]),
    # Not in the paper. Where a crop does not show a lesion, mmseg's Dice loss is all
    # but 1 unless hardly a pixel is scored: at its smooth=1 rare lesions are unlearnt.
    dict(
        type='DiceLoss',
        class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
        ignore_index=255,
        smooth=1000,
        loss_weight=0.5,
    ),
]
model = dict(
    # 0.01 in the released code.
    backbone=dict(layer_scale=0.3),
    decode_head=dict(
        # The classifier begins at the classes' shares, not at a fifth for each.
        class_prior=class_pixels,
        loss_decode=[
            *losses,
            dict(type='NALoss', cls_num_list=class_pixels, loss_weight=0.2),
        ],
    ),
)
data = dict(samples_per_gpu=8, workers_per_gpu=4)
