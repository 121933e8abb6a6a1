# HRNet-18 with FCN head by HACDR-Net's recipe, from random weights. ImageNet's:
#   --cfg-options model.pretrained=open-mmlab://msra/hrnetv2_w18
_base_ = './recipe.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='HRNet',
        norm_cfg={{_base_.norm_cfg}},
        extra=dict(
            stage1=dict(
                num_modules=1,
                num_branches=1,
                block='BOTTLENECK',
                num_blocks=(4,),
                num_channels=(64,),
            ),
            stage2=dict(
                num_modules=1,
                num_branches=2,
                block='BASIC',
                num_blocks=(4, 4),
                num_channels=(18, 36),
            ),
            stage3=dict(
                num_modules=4,
                num_branches=3,
                block='BASIC',
                num_blocks=(4, 4, 4),
                num_channels=(18, 36, 72),
            ),
            stage4=dict(
                num_modules=3,
                num_branches=4,
                block='BASIC',
                num_blocks=(4, 4, 4, 4),
                num_channels=(18, 36, 72, 144),
            ),
        ),
    ),
    decode_head=dict(
        _delete_=True,
        type='FCNHead',
        in_channels=[18, 36, 72, 144],
        in_index=[0, 1, 2, 3],
        channels=270,
        input_transform='resize_concat',
        kernel_size=1,
        num_convs=1,
        concat_input=False,
        dropout_ratio=0.1,
        num_classes=5,
        norm_cfg={{_base_.norm_cfg}},
        align_corners=False,
        loss_decode={{_base_.model.decode_head.loss_decode}},
        init_cfg=dict(type='ClassPrior', class_prior={{_base_.class_pixels}}),
    ),
)
