# The recipes of the weights in the repository, cross-validated on CPUs: three folds of
# the 54 training photographs, pooled. Six trainings of 2000 iterations.
folds = 3
seeds = [0]
cfg_options = {
    'checkpoint_config.interval': 20,
    # The last checkpoint is tested; none is chosen on the way.
    'evaluation.interval': 1000000,
}
entries = [
    dict(name='cpu', config='hacdr_idrid_cpu'),
    dict(name='lean', config='hacdr_idrid_lean'),
]
work_dir = 'work_dirs/study_recipes_cpu'
