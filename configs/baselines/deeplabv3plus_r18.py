# DeepLabV3+ with ResNet-18 (output stride 8) by HACDR-Net's recipe, from random
# weights. ImageNet's: --cfg-options model.pretrained=open-mmlab://resnet18_v1c
# No auxiliary head: the loss is the same for all.
_base_ = './recipe.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNetV1c',
        depth=18,
        strides=(1, 2, 1, 1),
        dilations=(1, 1, 2, 4),
        contract_dilation=True,
        norm_cfg={{_base_.norm_cfg}},
        norm_eval=False,
    ),
    decode_head=dict(
        _delete_=True,
        type='DepthwiseSeparableASPPHead',
        in_channels=512,
        in_index=3,
        channels=128,
        dilations=(1, 12, 24, 36),
        c1_in_channels=64,
        c1_channels=12,
        dropout_ratio=0.1,
        num_classes=5,
        norm_cfg={{_base_.norm_cfg}},
        align_corners=False,
        loss_decode={{_base_.model.decode_head.loss_decode}},
        init_cfg=dict(type='ClassPrior', class_prior={{_base_.class_pixels}}),
    ),
)
