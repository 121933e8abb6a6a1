# hacdr_idrid_cpu.py without DCC, the 1x3 and 3x1 convolutions of each channel's own
# offsets: half the work, and better in a cross-validation (docs/results.md).
_base_ = './hacdr_idrid_cpu.py'
model = dict(backbone=dict(deform_kernel=0))
