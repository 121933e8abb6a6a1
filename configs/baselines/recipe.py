# What the baselines share with HACDR-Net: data, augmentation, loss, schedule and
# evaluation are those of the config named here. One line to train them by another.
_base_ = '../hacdr_idrid.py'
# DeepLabV3+ pools a picture to one value a channel, and BN cannot train on one.
data = dict(samples_per_gpu=2)
