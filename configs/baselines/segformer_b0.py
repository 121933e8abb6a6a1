# SegFormer-B0 by HACDR-Net's recipe, from random weights. ImageNet's (mit_b0_*.pth,
# see mmsegmentation's configs/segformer): --cfg-options model.pretrained=FILE
_base_ = './recipe.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='MixVisionTransformer',
        embed_dims=32,
        num_layers=[2, 2, 2, 2],
        num_heads=[1, 2, 5, 8],
        drop_path_rate=0.1,
    ),
    decode_head=dict(
        _delete_=True,
        type='SegformerHead',
        in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3],
        channels=256,
        dropout_ratio=0.1,
        num_classes=5,
        norm_cfg={{_base_.norm_cfg}},
        align_corners=False,
        loss_decode={{_base_.model.decode_head.loss_decode}},
        init_cfg=dict(type='ClassPrior', class_prior={{_base_.class_pixels}}),
    ),
)
