# What may lift hacdr_idrid_cpu.py, one change at a time: 600 iterations, three folds of
# the 54 training photographs, pooled. With OMP_NUM_THREADS=1 and --devices cpu cpu two
# trainings at once. Not run yet.
folds = 3
seeds = [0]
iterations = 600
entries = [
    dict(name='start', config='hacdr_idrid_cpu'),
    # Haemorrhages are as large as what the contrast step subtracts.
    dict(
        name='contrast_60',
        config='hacdr_idrid_cpu',
        cfg_options={
            'data.train.dataset.pipeline.LoadPhotograph.crop.context': 120,
            'data.train.dataset.pipeline.LocalContrastNormalize.sigma': 60,
            'data.val.pipeline.MultiScaleFlipAug.transforms.LocalContrastNormalize'
            '.sigma': 60,
            'data.test.pipeline.MultiScaleFlipAug.transforms.LocalContrastNormalize'
            '.sigma': 60,
        },
    ),
    # A quarter more pixels in a step.
    dict(
        name='crops_512',
        config='hacdr_idrid_cpu',
        cfg_options={
            'data.samples_per_gpu': 2,
            'data.train.dataset.pipeline.LoadPhotograph.crop.crop_size': (512, 512),
        },
    ),
    # Stronger light and colour.
    dict(
        name='gain_offset_2',
        config='hacdr_idrid_cpu',
        cfg_options={
            'data.train.dataset.pipeline.RandomGainOffset.gain': (0.6, 1.4),
            'data.train.dataset.pipeline.RandomGainOffset.offset': 0.3,
        },
    ),
    # Haemorrhages twice as often as the others.
    dict(
        name='haemorrhages_2',
        config='hacdr_idrid_cpu',
        cfg_options={
            'data.train.dataset.pipeline.LoadPhotograph.crop.class_prob': [1, 2, 1, 1],
        },
    ),
]
work_dir = 'work_dirs/study_levers'
