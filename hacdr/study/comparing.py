"""Each entry against the first one of the study: both on the same photographs."""

import os.path as osp

from hacdr.errors import InputError
from hacdr.evaluation import check_comparable, compare, read_results
from hacdr.files import write_json


def compare_finished(study):
    """Write comparison.json for each seed that an entry and the first one have done.

    It holds what :func:`hacdr.evaluation.compare` returns, or why the two cannot be
    compared.

    Args:
        study (Study): the study.
    """
    first, *others = study.entries
    for entry in others:
        for seed in entry.seeds:
            both = [first.results_file(seed), entry.results_file(seed)]
            path = entry.comparison_file(seed)
            if all(map(osp.exists, both)) and not _is_newer(path, both):
                write_json(path, _compare(*both))


def _is_newer(path, others):
    return osp.exists(path) and osp.getmtime(path) >= max(map(osp.getmtime, others))


def _compare(first, second):
    contents, scores = zip(*map(read_results, (first, second)))
    try:
        check_comparable(*contents, (first, second))
    except InputError as error:
        return {'obstacle': str(error)}
    return compare(contents[0], scores[0], contents[1], scores[1])
