"""The headline table, for a terminal of 80 columns."""

import numpy as np

from .scores import PROTOCOL

FULL_NAMES = {
    'EX': 'hard exudates',
    'HE': 'haemorrhages',
    'SE': 'soft exudates',
    'MA': 'microaneurysms',
}


def format_table(summary, photographs):
    """Format the figures of :func:`~hacdr.evaluation.summarise` as text.

    Args:
        summary (dict): metric -> lesion -> value, 'mean' last.
        photographs (int): how many were scored.

    Returns:
        str: lines of at most 80 characters; the header names the protocol.
    """
    metrics = list(summary)
    lines = [
        f'{photographs} photographs, whole picture, pixels pooled; '
        f'AUPR protocol: {PROTOCOL}',
        f'{"lesion":<20}' + ''.join(f'{metric:>9}' for metric in metrics),
    ]
    absent = []
    for lesion in summary[metrics[0]]:
        full = f'{lesion} {FULL_NAMES[lesion]}' if lesion in FULL_NAMES else lesion
        values = [summary[metric][lesion] for metric in metrics]
        cells = ['-' if np.isnan(value) else f'{value:.4f}' for value in values]
        lines.append(f'{full:<20}' + ''.join(f'{cell:>9}' for cell in cells))
        if any(np.isnan(value) for value in values) and lesion != 'mean':
            absent.append(lesion)
    if absent:
        lines.append(
            f'-: {", ".join(absent)} in no label map of these photographs; left out '
            'of the mean'
        )
    return '\n'.join(lines)
