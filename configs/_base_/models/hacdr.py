# HACDR-Net at full size. BN, not SyncBN, as in the released code: it also runs without
# a process group.
norm_cfg = dict(type='BN', requires_grad=True)
model = dict(
    type='LesionEncoderDecoder',
    backbone=dict(
        type='HACDR',
        embed_dims=[32, 64, 160, 256],
        depths=[3, 3, 5, 2],
        ffn_ratios=[8, 8, 4, 4],
        drop_rate=0.1,
        drop_path_rate=0.1,
        near_far_kernel=7,
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        type='AdaptiveAggregationHead',
        in_channels=[32, 64, 160, 256],
        in_index=[0, 1, 2, 3],
        channels=32,
        mode='concat',
        num_classes=5,
        dropout_ratio=0.2,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=dict(
            type='CrossEntropyLoss',
            loss_weight=1.0,
            class_weight=[0.5, 0.7, 1.1, 0.7, 1.5],
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole', output='prob'),
)
