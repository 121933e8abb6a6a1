# The released code's IDRiD training: no near-far branch, offsets that do not start at
# zero, cross-entropy alone (NALoss is commented out there). Its choice of a checkpoint
# on the test set is not repeated.
_base_ = [
    '_base_/models/hacdr.py',
    '_base_/datasets/idrid.py',
    '_base_/schedules/schedule_40k.py',
    '_base_/default_runtime.py',
]
model = dict(backbone=dict(near_far_kernel=0, zero_offset_init=False))
