# HACDR-Net and four networks of mmseg by one recipe (configs/baselines/recipe.py) for
# equal times, from random weights, tested on val.
seeds = [0, 1]
minutes = 60
evaluations = 4
cfg_options = {
    # The slowest takes minutes for twenty iterations: little is lost with a killed run,
    # and warming up is not most of its training.
    'checkpoint_config.interval': 20,
    'lr_config.warmup_iters': 10,
}
entries = [
    dict(name='hacdr', config='baselines/recipe'),
    dict(name='unet', config='baselines/unet'),
    dict(name='hrnet18_fcn', config='baselines/hrnet18_fcn'),
    dict(name='segformer_b0', config='baselines/segformer_b0'),
    dict(name='deeplabv3plus_r18', config='baselines/deeplabv3plus_r18'),
]
work_dir = 'work_dirs/study_baselines'
