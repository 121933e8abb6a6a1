# Whole trainings, cross-validated: three folds of the 54 training photographs, pooled.
# The recipes of the weights in the repository, and those that may take their place.
# Data and machine as in levers.py. Not run on a GPU yet; on CPUs see recipes_cpu.py.
_base_ = './levers.py'
cfg_options = {'runner.max_iters': 2000, 'checkpoint_config.interval': 50}
entries = [
    dict(name='cpu', config='hacdr_idrid_cpu'),
    # Half the work, and no worse after 600 iterations (docs/results.md).
    dict(name='lean', config='hacdr_idrid_lean'),
    # For a GPU: twice the crops in a step, half as many steps again.
    dict(
        name='lean_longer',
        config='hacdr_idrid_lean',
        cfg_options={
            'data.samples_per_gpu': 8,
            'runner.max_iters': 3000,
        },
    ),
    # The paper's network.
    dict(
        name='full',
        config='hacdr_idrid',
        cfg_options={
            'custom_hooks.IterEMAHook.decay': 0.998,
            'runner.max_iters': 3000,
            'checkpoint_config.interval': 1000,
        },
    ),
]
work_dir = 'work_dirs/study_recipes'
