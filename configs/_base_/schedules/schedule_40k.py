# As the released code trains.
optimizer = dict(
    type='AdamW',
    lr=6e-5,
    betas=(0.9, 0.999),
    weight_decay=0.01,
    paramwise_cfg=dict(
        norm_decay_mult=0.0, custom_keys=dict(decode_head=dict(lr_mult=15.0))
    ),
)
optimizer_config = dict()
lr_config = dict(
    policy='poly',
    warmup='linear',
    warmup_iters=1500,
    warmup_ratio=1e-6,
    power=1.0,
    min_lr=0.0,
    by_epoch=False,
)
runner = dict(type='ResumableIterBasedRunner', max_iters=40000)
checkpoint_config = dict(by_epoch=False, interval=1000, max_keep_ckpts=2)
evaluation = dict(
    interval=2000,
    metric=['mAUPR', 'mDice', 'mIoU'],
    pre_eval=True,
    save_best='mAUPR',
    rule='greater',
)
