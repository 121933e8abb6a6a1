# For small crops (datasets/idrid_crops.py).
optimizer = dict(
    type='AdamW',
    lr=4e-3,
    weight_decay=0.01,
    paramwise_cfg=dict(custom_keys=dict(conv_offset=dict(lr_mult=0.1))),
    # All weights of a rate are updated together.
    constructor='GroupedOptimizerConstructor',
)
optimizer_config = dict(grad_clip=dict(max_norm=5))
lr_config = dict(
    policy='poly', power=0.9, warmup='linear', warmup_iters=50, by_epoch=False
)
runner = dict(type='ResumableIterBasedRunner', max_iters=40000)
checkpoint_config = dict(by_epoch=False, interval=1000, max_keep_ckpts=2)
evaluation = dict(
    interval=2000,
    metric=['mAUPR', 'mDice'],
    pre_eval=True,
    save_best='mAUPR',
    rule='greater',
)
