# ablation.py on CPUs: four hours of one core of an AMD EPYC (Zen 5).
_base_ = './ablation.py'
cfg_options = {
    'data.workers_per_gpu': 0,
    'data.persistent_workers': False,
    # Little is lost with a killed run.
    'checkpoint_config.interval': 20,
}
work_dir = 'work_dirs/study_ablation_cpu'
