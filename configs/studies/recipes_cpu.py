# The recipes of the weights in the repository, and one that may take their place,
# cross-validated on CPUs: three folds of the 54 training photographs, pooled. Six
# hours of one core of an AMD EPYC (Zen 5), which computes in bfloat16; without that
# line it takes a quarter longer.
folds = 3
seeds = [0]
cfg_options = {
    'model.train_cfg.bfloat16': True,
    'checkpoint_config.interval': 20,
    # The last checkpoint is tested; none is chosen on the way.
    'evaluation.interval': 1000000,
}
entries = [
    dict(name='cpu', config='hacdr_idrid_cpu'),
    dict(name='lean', config='hacdr_idrid_lean'),
    # Half as many steps again.
    dict(
        name='lean_3000',
        config='hacdr_idrid_lean',
        cfg_options={'runner.max_iters': 3000},
    ),
]
work_dir = 'work_dirs/study_recipes_cpu'
