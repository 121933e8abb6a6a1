# The study of baselines.py in two hours of one core: fourteen minutes of its time for
# each network, and for the best two a second training. With OMP_NUM_THREADS=1, as
# threads that wait would count.
_base_ = './baselines.py'
seeds = [0]
minutes = 14
clock = 'processor'
evaluations = 1
entries = [
    dict(name='hacdr', config='baselines/recipe', seeds=[0, 1]),
    dict(
        name='deeplabv3plus_r18',
        config='baselines/deeplabv3plus_r18',
        seeds=[0, 1],
    ),
    dict(name='hrnet18_fcn', config='baselines/hrnet18_fcn'),
    dict(name='segformer_b0', config='baselines/segformer_b0'),
    dict(name='unet', config='baselines/unet'),
]
work_dir = 'work_dirs/study_baselines_cpu'
