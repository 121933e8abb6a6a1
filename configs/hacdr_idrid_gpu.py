# hacdr_idrid.py for minutes of one GPU (tools/gpu_train.sh): bfloat16 in CUDA graphs, a
# schedule over time, no evaluation on the way.
_base_ = './hacdr_idrid.py'
model = dict(train_cfg=dict(bfloat16=True, cuda_graph=True))
# One kernel for all weights.
optimizer = dict(fused=True)
data = dict(
    workers_per_gpu=14,
    # Shuffled across more copies than a training uses up, as it was measured.
    train=dict(times=20000),
)
custom_hooks = [
    dict(type='IterEMAHook', decay=0.999, priority='ABOVE_NORMAL'),
    dict(type='TimeBudgetHook', minutes=5, priority='ABOVE_NORMAL'),
]
log_config = dict(interval=100)
checkpoint_config = dict(interval=2000, max_keep_ckpts=1)
evaluation = dict(interval=1000000)
