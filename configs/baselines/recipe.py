# What the baselines share with HACDR-Net: data, augmentation, loss, schedule and
# evaluation are those of the config named here. Name another to train them all by that;
# its batches must be of two at least, as DeepLabV3+ pools an image to one value a
# channel and BN cannot train on one.
_base_ = '../hacdr_idrid_cpu.py'
