import pytest

from hacdr.errors import InputError

from .made_up import CONFIG


def test_defaults_and_order(study):
    entries = [
        dict(config=CONFIG),
        dict(name='b', config=CONFIG, seeds=[3, 4, 5], cfg_options={'optimizer.lr': 1}),
    ]
    read = study(entries=entries, seeds=[0, 1], cfg_options={'data.samples_per_gpu': 3})
    assert [run.name for run in read.runs] == [
        'hacdr_demo, seed 0',
        'b, seed 3',
        'hacdr_demo, seed 1',
        'b, seed 4',
        'b, seed 5',
    ]
    first, second = (entry.config for entry in read.entries)
    assert first.optimizer.lr == 4e-3
    assert second.optimizer.lr == 1
    assert first.data.samples_per_gpu == second.data.samples_per_gpu == 3


def test_limits(study):
    (entry,) = study(minutes=5, evaluations=3).entries
    assert [hook['type'] for hook in entry.config.custom_hooks] == [
        'TimeBudgetHook',
        'EvalHistoryHook',
    ]
    assert entry.config.custom_hooks[0]['minutes'] == 5
    assert entry.config.custom_hooks[0]['evaluations'] == 3
    (entry,) = study(minutes=5, clock='processor').entries
    assert entry.config.custom_hooks[0]['clock'] == 'processor'
    (entry,) = study(iterations=7).entries
    assert entry.config.runner.max_iters == 7
    assert 'minutes' not in entry.config.custom_hooks[0]


def test_hooks_of_the_config_stay(study):
    hooks = [dict(type='IterEMAHook', priority='ABOVE_NORMAL')]
    (entry,) = study(cfg_options=dict(custom_hooks=hooks)).entries
    assert [hook['type'] for hook in entry.config.custom_hooks] == [
        'IterEMAHook',
        'TimeBudgetHook',
        'EvalHistoryHook',
    ]


def test_split(study):
    (run,) = study().runs
    assert run.results_file.endswith('/a/seed0/results_val.json')
    (run,) = study(split='test').runs
    assert run.results_file.endswith('/a/seed0/results.json')


ENTRY = dict(name='a', config=CONFIG)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (dict(entry=[ENTRY]), 'unknown key entry; did you mean entries'),
        (dict(entries=[]), 'at least one'),
        (dict(entries=[CONFIG]), r'entries\[0\] must be a dict'),
        (dict(entries=[dict(name='a')]), r'entries\[0\]\.config'),
        (dict(entries=[dict(ENTRY, conifg=1)]), 'did you mean config'),
        (dict(entries=[dict(ENTRY, name='a/b')]), 'letters, digits'),
        (dict(entries=[ENTRY, ENTRY]), 'two entries have the name a'),
        (
            dict(entries=[dict(ENTRY, seeds=[1, 1])]),
            'seeds must be a list of different',
        ),
        (dict(seeds=5), 'seeds must be'),
        (dict(seeds=[]), 'seeds must be'),
        (dict(seeds=[True]), 'seeds must be'),
        (dict(seeds=[1 << 32]), r'numbers from 0 to 4294967295, got \[4294967296\]'),
        (dict(minutes=5, iterations=5), 'both given'),
        (dict(minutes=0), 'minutes must be a positive number, got 0'),
        (dict(iterations=1.5), r'whole number, got 1\.5'),
        (dict(evaluations=3), 'evaluations needs minutes'),
        (dict(evaluations=0, minutes=5), 'evaluations must be a positive'),
        (dict(minutes=5, clock='cpu'), "clock must be one of .* got 'cpu'"),
        (dict(clock='processor'), 'clock needs minutes'),
        (dict(split='train'), "'val' or 'test', got 'train'"),
        (dict(cfg_options=['a=1']), 'cfg_options must be a dict'),
        (dict(cfg_options={'modle.backbone': 1}), 'did you mean model'),
        (dict(entries=[dict(config='none.py')]), r'entries\[0\]: none\.py: no such'),
        (
            dict(cfg_options={'runner.type': 'EpochBasedRunner'}),
            'runner.type must be ResumableIterBasedRunner, got EpochBasedRunner',
        ),
    ],
)
def test_a_mistake_gets_one_line(study, content, message):
    with pytest.raises(InputError, match=message) as caught:
        study(**content)
    assert '\n' not in str(caught.value)
    assert 'study.py' in str(caught.value)


EXUDATES = {
    'data.train.dataset.classes': ['background', 'EX'],
    'data.val.classes': ['background', 'EX'],
    'data.test.classes': ['background', 'EX'],
    'model.decode_head.num_classes': 2,
    'model.decode_head.class_prior': [99, 1],
    'model.decode_head.loss_decode': [dict(type='CrossEntropyLoss')],
}


def test_lesions(study):
    assert study().lesions == ('EX', 'HE', 'SE', 'MA')
    assert study(cfg_options=EXUDATES).lesions == ('EX',)
    entries = [ENTRY, dict(ENTRY, name='b', cfg_options=EXUDATES)]
    with pytest.raises(InputError, match=r'entries\[1\]: scores of EX, expected EX,'):
        study(entries=entries)
