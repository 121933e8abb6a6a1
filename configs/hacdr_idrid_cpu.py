# hacdr_idrid.py for some 75 minutes of one core: fewer channels and blocks, no near-far
# branch, no NALoss, four crops at a time.
_base_ = './hacdr_idrid.py'
model = dict(
    backbone=dict(
        embed_dims=[24, 48, 96, 128],
        depths=[2, 2, 3, 2],
        ffn_ratios=[4, 4, 4, 4],
        near_far_kernel=0,
    ),
    decode_head=dict(
        in_channels=[24, 48, 96, 128],
        channels=24,
        dropout_ratio=0.1,
        loss_decode=[{{_base_.cross_entropy}}, {{_base_.dice}}],
    ),
)
data = dict(
    samples_per_gpu=4,
    workers_per_gpu=0,
    persistent_workers=False,
    # Passes over the data as in the trainings of docs/results.md.
    train=dict(times=50),
)
custom_hooks = [
    dict(type='IterEMAHook', decay=0.998, priority='ABOVE_NORMAL'),
]
runner = dict(type='ResumableIterBasedRunner', max_iters=2000)
checkpoint_config = dict(interval=50, max_keep_ckpts=1)
log_config = dict(interval=20)
evaluation = dict(interval=500)
