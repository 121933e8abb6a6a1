"""The page: what is on it, from results.json and the photographs."""

import os

from hacdr.errors import InputError, counted
from hacdr.evaluation import Protocol, read_results
from hacdr.evaluation.histogram import FIXED_PROTOCOLS
from hacdr.evaluation.matching import OVERLAP
from hacdr.lesions import CLASSES, FULL_NAMES, IGNORED_BIT, choose_palette
from hacdr.progress import progress_bar

from .layers import encode_layers
from .plots import draw_froc, draw_precision_recall, working_thresholds
from .templates import describe_lesions, write_page

SUFFIXES = '.html', '.htm'
HEADLINE = ('AUPR', 'Dice', 'Dice@t', 'IoU', 'Precision', 'Recall')
# Metrics by which photographs sort, each for every lesion.
OF_PHOTOGRAPHS = ('AUPR', 'Dice')
COUNTING = (
    'A lesion is a group of touching pixels (8 neighbours) of the ground truth. It is '
    'found if a fifth of it reaches the threshold; a group that reaches the threshold '
    'is false if less than a fifth of it is in the ground truth. Here groups are '
    'counted in reduced copies, so that small ones may differ from the tables.'
)


def write_report(results_path, path, data_root=None):
    """Write the page of one test; it appears whole or not at all.

    Args:
        results_path (str): results.json of ``hacdr test --save-probabilities``.
        path (str): the page, .html or .htm.
        data_root (str, optional): converted data, by default where the test found it.

    Raises:
        InputError: ``path`` has another suffix, results that cannot be read, without
            probabilities, or an image that is missing or does not fit; or the page
            cannot be written.
    """
    if not path.lower().endswith(SUFFIXES):
        raise InputError(f'{path}: expected a name that ends in .html or .htm')
    content, scores = read_results(results_path)
    figures = content['summary']['figures']
    if 'AUPR' not in figures:
        raise InputError(
            f'{results_path}: label maps were tested; the page needs probabilities'
        )
    data_root = data_root or content['data_root']
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise InputError(f'{path}: no folder {folder} for the page')
    entries = sorted(content['photographs'], key=_worst_first)
    with progress_bar(entries, desc='photographs', leave=False) as bar:
        layers = [
            encode_layers(entry, results_path, content, data_root) for entry in bar
        ]
    thresholds = working_thresholds(content)
    write_page(
        path,
        'report',
        sources='',
        content=content,
        protocol=Protocol(**content['protocol']).describe(),
        names=FULL_NAMES,
        lesions={
            'each': describe_lesions(
                content['lesions'],
                choose_palette([CLASSES[0], *content['lesions']])[1:],
                thresholds,
            ),
            'overlap': OVERLAP,
            'ignored_bit': IGNORED_BIT,
        },
        counting=COUNTING,
        compared=True,
        number_of_photographs=counted(len(entries), 'photograph'),
        headline=[name for name in HEADLINE if name in figures],
        others=[name for name in FIXED_PROTOCOLS if name in figures],
        columns=[
            (metric, lesion)
            for metric in OF_PHOTOGRAPHS
            for lesion in (*content['lesions'], 'mean')
        ],
        photographs=list(zip(entries, layers)),
        thresholds=thresholds,
        precision_recall=draw_precision_recall(scores, content),
        froc=draw_froc(content) if content['summary']['froc'] else None,
    )


def _worst_first(entry):
    value = entry['figures']['AUPR']['mean']
    # Photographs without lesions sort last.
    return (value is None, value or 0, entry['name'])
