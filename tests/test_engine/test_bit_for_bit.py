"""A training that is killed and resumed ends as one that nothing disturbed."""

import signal

import pytest
import torch

from hacdr.engine.draws import NumberedSampler

from .disturbed_training import SCRIPT, write_config

# Workers at the beginning, where it is killed, workers after that.
TRAININGS = {
    'undisturbed': (0, 'nothing-0', None),
    # The passes over five photographs end within the third, fifth and eighth batch.
    'in a pass': (4, 'train-6', 1),
    'at an evaluation': (1, 'evaluate-4', 0),
}


@pytest.mark.slow
def test_killed_and_resumed_with_other_workers(tmp_path, disturbed_data, run_together):
    config = tmp_path / 'tiny.py'
    write_config(config, disturbed_data)

    def command(name, workers, *options):
        return [
            *(SCRIPT, config, '--work-dir', tmp_path / name, '--auto-resume'),
            *('--seed', '3', '--cfg-options', f'data.workers_per_gpu={workers}'),
            *options,
        ]

    results = run_together(
        *(
            command(name, workers, f'custom_hooks.DisturbHook.at={kill}')
            for name, (workers, kill, _) in TRAININGS.items()
        )
    )
    left = {'nothing-0': ['iter_6', 'iter_8'], 'evaluate-4': ['iter_2']}
    left['train-6'] = ['iter_2', 'iter_4']
    for result, (name, (_, kill, _)) in zip(results, TRAININGS.items()):
        expected = 0 if kill == 'nothing-0' else -signal.SIGKILL
        assert result.returncode == expected, result.stderr
        files = sorted(path.stem for path in (tmp_path / name).glob('iter_*.pth'))
        assert files == left[kill]
    results = run_together(
        *(
            command(name, workers)
            for name, (_, _, workers) in TRAININGS.items()
            if workers is not None
        )
    )
    for result in results:
        assert result.returncode == 0, result.stderr

    ends = {name: read_end(tmp_path / name) for name in TRAININGS}
    whole = ends.pop('undisturbed')
    assert len(whole['checkpoints']) == 4
    assert len(whole['scores'].splitlines()) == 4
    for name, end in ends.items():
        assert end['scores'] == whole['scores'], name
        assert end['checkpoints'] == whole['checkpoints'], name


def read_end(folder):
    """Return what a training left, comparable."""
    return dict(
        scores=(folder / 'scores.jsonl').read_text(),
        checkpoints={
            path.name: comparable(torch.load(path, weights_only=False), str(folder))
            for path in sorted(folder.glob('*.pth'))
        },
    )


def comparable(part, folder):
    """Return a checkpoint in which nothing is left of when and where it was written."""
    if isinstance(part, torch.Tensor):
        return part.dtype, tuple(part.shape), part.numpy().tobytes()
    if isinstance(part, dict):
        # mmcv notes the last checkpoint once it is written: the next one holds it.
        changing = ('time', 'config', 'exp_name', 'last_ckpt')
        return {
            key: comparable(value, folder)
            for key, value in part.items()
            if key not in changing
        }
    if isinstance(part, (list, tuple)):
        return [comparable(value, folder) for value in part]
    return part.replace(folder, '') if isinstance(part, str) else part


# --- the order of the samples -----------------------------------------------------


def take(sampler, batches):
    samples = iter(sampler)
    return [next(samples) for _ in range(batches * sampler.batch)]


def test_a_sampler_goes_on_anywhere():
    whole = take(NumberedSampler(7, 3, 0, True, 0), 10)
    assert [number for number, _ in whole] == list(range(30))
    for iteration in range(10):
        part = take(NumberedSampler(7, 3, 0, True, iteration), 10 - iteration)
        assert part == whole[3 * iteration :]


def test_each_pass_goes_once_through_the_data_in_an_order_of_its_own():
    order = [index for _, index in take(NumberedSampler(7, 2, 0, True, 0), 7)]
    assert sorted(order[:7]) == sorted(order[7:]) == list(range(7))
    assert order[:7] != order[7:]
    other = [index for _, index in take(NumberedSampler(7, 2, 1, True, 0), 7)]
    assert other != order
    in_order = take(NumberedSampler(3, 2, 0, False, 0), 3)
    assert [index for _, index in in_order] == [0, 1, 2, 0, 1, 2]


def test_two_processes_share_the_batches_of_one():
    whole = take(NumberedSampler(7, 4, 0, True, 2), 5)
    halves = [take(NumberedSampler(7, 2, 0, True, 2, rank, 2), 5) for rank in (0, 1)]
    joined = []
    for k in range(5):
        joined += halves[0][2 * k : 2 * k + 2] + halves[1][2 * k : 2 * k + 2]
    assert joined == whole
