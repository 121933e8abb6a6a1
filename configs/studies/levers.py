# What may lift hacdr_idrid_cpu.py, one change at a time: 600 iterations, three folds of
# the 54 training photographs, pooled. For a GPU, several trainings at once
# (tools/gpu_study.sh); ablation_cpu.py shows what a CPU needs. The data:
#   hacdr convert idrid DOWNLOAD -o data/gpu_set --max-side 1800
folds = 3
seeds = [0]
cfg_options = {
    'data_root': 'data/gpu_set',
    'runner.max_iters': 600,
    'model.train_cfg': dict(bfloat16=True, cuda_graph=True),
    'optimizer.fused': True,
    'data.workers_per_gpu': 2,
    'data.persistent_workers': True,
    'checkpoint_config.interval': 300,
    # The last checkpoint is tested; none is chosen on the way.
    'evaluation.interval': 1000000,
}
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
    # More surroundings: two and a half times the pixels in a step.
    dict(
        name='crops_512',
        config='hacdr_idrid_cpu',
        cfg_options={
            'data.train.dataset.pipeline.LoadPhotograph.crop.crop_size': (512, 512),
        },
    ),
    # The network, losses and eight crops of hacdr_idrid.py.
    dict(
        name='full',
        config='hacdr_idrid',
        cfg_options={'custom_hooks.IterEMAHook.decay': 0.998},
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
    # Crops around haemorrhages twice as often as around each other lesion.
    dict(
        name='haemorrhages_2',
        config='hacdr_idrid_cpu',
        cfg_options={
            'data.train.dataset.pipeline.LoadPhotograph.crop.class_prob': [1, 2, 1, 1],
        },
    ),
    dict(
        name='batch_8',
        config='hacdr_idrid_cpu',
        cfg_options={'data.samples_per_gpu': 8},
    ),
]
work_dir = 'work_dirs/study_levers'
