# HACDR-Net and four networks of mmseg by one recipe (configs/baselines/recipe.py) for
# equal times, from random weights, tested on val.
seeds = [0]
minutes = 14
clock = 'processor'
evaluations = 1
# The slowest takes minutes for twenty iterations: little is lost with a killed run.
cfg_options = {'checkpoint_config.interval': 20}
entries = [
    dict(name='hacdr', config='configs/baselines/recipe.py'),
    dict(name='unet', config='configs/baselines/unet.py'),
    dict(name='hrnet18_fcn', config='configs/baselines/hrnet18_fcn.py'),
    dict(name='segformer_b0', config='configs/baselines/segformer_b0.py'),
    dict(name='deeplabv3plus_r18', config='configs/baselines/deeplabv3plus_r18.py'),
]
work_dir = 'work_dirs/study_baselines'
