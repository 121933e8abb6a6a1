"""Each entry against the first one of the study: both on the same photographs."""

import os.path as osp

from hacdr.errors import InputError
from hacdr.evaluation import check_comparable, compare, read_results
from hacdr.files import file_sha256, read_json, write_json


def compare_finished(study):
    """Write comparison.json for each seed that an entry and the first one have done.

    It holds the sha256 of both results files as 'of', and what
    :func:`hacdr.evaluation.compare` returns as 'comparison', or why the two cannot be
    compared as 'obstacle'.

    Args:
        study (Study): the study.
    """
    for entry, seed, both in _pairs(study):
        if all(map(osp.exists, both)) and _read(entry, seed, both) is None:
            content = {'of': [*map(file_sha256, both)], **_compare(*both)}
            write_json(entry.comparison_file(seed), content)


def read_comparisons(study):
    """Read what :func:`compare_finished` wrote and what still holds.

    Args:
        study (Study): the study.

    Returns:
        list[tuple[Entry, int, dict]]: the entry, the seed and the content of the file.
    """
    found = [
        (entry, seed, _read(entry, seed, both)) for entry, seed, both in _pairs(study)
    ]
    return [one for one in found if one[2] is not None]


def _pairs(study):
    """Yield an entry, a seed, and the results files of the first entry and this one."""
    first, *others = study.entries
    for entry in others:
        for seed in entry.seeds:
            if seed in first.seeds:
                yield entry, seed, [first.results_file(seed), entry.results_file(seed)]


def _read(entry, seed, both):
    """Return the content of comparison.json; None where it is not of these results."""
    path = entry.comparison_file(seed)
    if not all(map(osp.exists, [path, *both])):
        return None
    content = read_json(path)
    return content if content['of'] == [*map(file_sha256, both)] else None


def _compare(first, second):
    contents, scores = zip(*map(read_results, (first, second)))
    try:
        check_comparable(*contents, (first, second))
    except InputError as error:
        return {'obstacle': str(error)}
    return {'comparison': compare(contents[0], scores[0], contents[1], scores[1])}
