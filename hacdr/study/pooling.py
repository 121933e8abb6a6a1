"""One score over all photographs, each predicted by the training that held it out."""

import os.path as osp

from hacdr.errors import InputError
from hacdr.evaluation import (
    Protocol,
    read_content,
    read_results,
    summarise,
    write_results,
)
from hacdr.files import file_sha256

# In all folds alike, or they cannot be pooled.
SHARED = 'protocol', 'dataset', 'data_root', 'lesions'


def pool_finished(study):
    """Write results_folds.json for each entry and seed of which all folds are tested.

    Again where a fold was tested again.

    Args:
        study (Study): the study; without folds there is nothing to do.
    """
    for entry in study.entries:
        for seed in entry.seeds if entry.folds else ():
            pooled = entry.results_file(seed)
            files = [run.results_file for run in entry.runs if run.seed == seed]
            if all(map(osp.exists, files)) and not _is_pooled(files, pooled):
                pool_results(files, pooled)


def _is_pooled(files, pooled):
    if not osp.exists(pooled):
        return False
    return read_content(pooled).get('pooled_from') == [*map(file_sha256, files)]


def pool_results(files, pooled):
    """Pool the results of tests on different photographs.

    Args:
        files (Sequence[str]): results files, as ``hacdr test`` writes them.
        pooled (str): where the results of all photographs go, in the same form; with
            the sha256 of ``files`` as 'pooled_from'.

    Raises:
        InputError: a file is damaged, was scored in another way than the first, or has
            a photograph that another one has.
    """
    contents, scores = zip(*map(read_results, files))
    first = contents[0]
    for path, content in zip(files, contents):
        for key in SHARED:
            if content[key] != first[key]:
                raise InputError(
                    f'{path}: {key} is {content[key]}, expected {first[key]} as in '
                    f'{files[0]}'
                )
    photographs = [image for content in contents for image in content['photographs']]
    names = [image['image'] for image in photographs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f'{pooled}: {twice[0]} is among the photographs of two folds')
    scores = [one for tested in scores for one in tested]
    lesions = first['lesions']
    write_results(
        pooled,
        scores,
        names,
        [image['ground_truth'] for image in photographs],
        summarise(scores, select_thresholds=True, lesions=lesions),
        Protocol(**first['protocol']),
        [image['label_map'] for image in photographs],
        lesions,
        split='folds',
        dataset=first['dataset'],
        data_root=first['data_root'],
        config=', '.join(content['config'] for content in contents),
        checkpoint_sha256=', '.join(str(c['checkpoint_sha256']) for c in contents),
        probabilities=None,
        pooled_from=[*map(file_sha256, files)],
    )
