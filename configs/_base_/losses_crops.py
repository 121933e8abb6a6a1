# For small crops around lesions, of background, EX, HE, SE and MA: to name in a list of
# losses as {{_base_.cross_entropy}} and {{_base_.dice}}.
cross_entropy = dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0])
# With mmseg's own smooth=1 it works against rare lesions: where a crop does not show
# one, it is nearly 1 unless hardly a pixel is scored.
dice = dict(
    type='DiceLoss',
    class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
    ignore_index=255,
    smooth=100,
    loss_weight=0.5,
)
