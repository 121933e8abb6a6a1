"""The page: what is on it, from results.json and the photographs."""

import os

from jinja2 import Environment, PackageLoader
from tqdm import tqdm

from hacdr.errors import InputError
from hacdr.evaluation import Protocol, read_results
from hacdr.evaluation.matching import OVERLAP
from hacdr.files import write_text
from hacdr.lesions import FULL_NAMES, IGNORED_BIT

from .layers import encode_layers
from .plots import STYLES, draw_froc, draw_precision_recall, working_thresholds

HEADLINE = ('AUPR', 'Dice', 'Dice@t', 'IoU', 'Precision', 'Recall')
OTHERS = ('m2mrf-11', 'idrid-33')
# Metrics by which photographs sort, each for every lesion.
OF_PHOTOGRAPHS = ('AUPR', 'Dice')


def write_report(results_path, path, data_root=None):
    """Write the page of one test; it appears whole or not at all.

    Args:
        results_path (str): results.json of ``hacdr test --save-probabilities``.
        path (str): the page.
        data_root (str, optional): converted data, by default where the test found it.

    Raises:
        InputError: results that cannot be read, without probabilities, or an image
            that is missing or does not fit; or the page cannot be written.
    """
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
    with tqdm(entries, desc='photographs', leave=False) as bar:
        layers = [
            encode_layers(entry, results_path, content, data_root) for entry in bar
        ]
    page = (
        Environment(loader=PackageLoader('hacdr.report', 'page'), autoescape=True)
        .get_template('report.html')
        .render(
            content=content,
            protocol=Protocol(**content['protocol']).describe(),
            names=FULL_NAMES,
            styles=STYLES,
            lesions={
                'names': content['lesions'],
                'colours': [STYLES[lesion]['color'] for lesion in content['lesions']],
                'overlap': OVERLAP,
                'ignored_bit': IGNORED_BIT,
            },
            headline=[name for name in HEADLINE if name in figures],
            others=[name for name in OTHERS if name in figures],
            columns=[
                (metric, lesion)
                for metric in OF_PHOTOGRAPHS
                for lesion in (*content['lesions'], 'mean')
            ],
            photographs=list(zip(entries, layers)),
            thresholds=working_thresholds(content),
            precision_recall=draw_precision_recall(scores, content),
            froc=draw_froc(content) if content['summary']['froc'] else None,
        )
    )
    try:
        write_text(path, page)
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}') from error


def _worst_first(entry):
    value = entry['figures']['AUPR']['mean']
    # Photographs without lesions sort last.
    return (value is None, value or 0, entry['name'])
