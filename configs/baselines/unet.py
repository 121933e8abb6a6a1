# U-Net (five levels, 64 channels at the finest) by HACDR-Net's recipe, from random
# weights: there are no others. No auxiliary head: the loss is the same for all.
_base_ = './recipe.py'
model = dict(
    backbone=dict(_delete_=True, type='UNet', norm_cfg={{_base_.norm_cfg}}),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=64,
        in_index=4,
        channels=64,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=5,
        norm_cfg={{_base_.norm_cfg}},
        align_corners=False,
        loss_decode={{_base_.model.decode_head.loss_decode}},
        init_cfg=dict(type='ClassPrior', class_prior={{_base_.class_pixels}}),
    ),
    test_cfg=dict(size_divisor=16),
)
