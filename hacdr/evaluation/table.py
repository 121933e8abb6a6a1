"""The headline table, for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from typing import Sequence

from hacdr.errors import counted
from hacdr.lesions import FULL_NAMES

from .bootstrap import DRAWS
from .histogram import FIXED_PROTOCOLS
from .protocol import Protocol

# Three metrics leave room for the lesions' full names.
WIDE, NARROW, CELL = 22, 5, 18


def format_table(
    summary: dict,
    protocol: Protocol,
    photographs: int,
    metrics: Sequence[str] = ('AUPR', 'Dice', 'IoU'),
) -> str:
    """Format the figures of :func:`hacdr.evaluation.summarise` as text.

    Args:
        summary (dict): the figures.
        protocol (Protocol): how they were computed.
        photographs (int): how many were scored.
        metrics (Sequence[str]): at most four of the summary's.

    Returns:
        str: lines of at most 80 characters; the header names the protocol.
    """
    chosen = {metric: summary['figures'][metric] for metric in metrics}
    wide = len(metrics) <= 3
    has_intervals = summary['bootstrap'] is not None and photographs > 1
    rows = [
        f'{counted(photographs, "photograph")}, pixels pooled'
        + (f'; 95 % intervals, {DRAWS} draws' if has_intervals else ''),
        protocol.describe(),
        _row('lesion' if wide else '', metrics, wide),
    ]
    for lesion in chosen[metrics[0]]:
        full = f'{lesion} {FULL_NAMES[lesion]}' if lesion in FULL_NAMES else lesion
        cells = [_cell(figures[lesion]) for figures in chosen.values()]
        rows.append(_row(full if wide else lesion, cells, wide))
    notes = [
        textwrap.fill(note, 80, subsequent_indent='  ', break_on_hyphens=False)
        for note in _notes(summary, chosen, has_intervals)
    ]
    return '\n'.join([*rows, *notes, *_lesion_level(summary)])


def _row(name, cells, wide):
    width = WIDE if wide else NARROW
    cells = ''.join(f'{cell:<{CELL}} ' for cell in cells).rstrip()
    return first_column(name, width) + cells


def first_column(name: str, width: int) -> str:
    """Return a name as wide as its column; a longer one has a line of its own."""
    return f'{name:<{width}}' if len(name) < width else f'{name}\n{"":<{width}}'


def _cell(figure):
    if figure['value'] is None:
        return '-'
    ends = '' if figure['low'] is None else f' {figure["low"]:.3f}-{figure["high"]:.3f}'
    return f'{figure["value"]:.3f}{ends}'


def _notes(summary, chosen, has_intervals):
    figures = summary['figures']
    lesions = [name for name in figures['Recall'] if name != 'mean']
    absent = [name for name in lesions if figures['Recall'][name]['value'] is None]
    undefined = [
        name
        for name in lesions
        if any(values[name]['value'] is None for values in chosen.values())
    ]
    notes = []
    unpredicted = [name for name in undefined if name not in absent]
    not_there = [name for name in undefined if name in absent]
    if not_there:
        names = ', '.join(not_there)
        notes.append(
            f'-: {names} in no photograph by the ground truth; left out of the mean of '
            'that column'
        )
    if unpredicted:
        names = ', '.join(unpredicted)
        notes.append(f'-: {names} nowhere predicted; left out of the mean')
    alone = [
        name
        for name in lesions
        if any(
            values[name]['value'] is not None and values[name]['low'] is None
            for values in chosen.values()
        )
    ]
    if alone and has_intervals:
        names = ', '.join(alone)
        notes.append(
            f'no interval: {names} in fewer than two photographs, and means with one'
        )
    if 'AUPR' in chosen:
        others = ', '.join(
            f'{name} {figures[name]["mean"]["value"]:.3f}'
            for name in FIXED_PROTOCOLS
            if figures[name]['mean']['value'] is not None
        )
        if others:
            notes.append(f'mean AUPR by other protocols, not comparable: {others}')
    for key, words in (
        ('thresholds', 'Dice@t at score >='),
        ('best_dice_thresholds', 'best Dice here at score >='),
    ):
        if summary[key]:
            values = ', '.join(f'{k} {v:.4g}' for k, v in summary[key].items())
            notes.append(f'{words} {values}')
    return notes


def _lesion_level(summary):
    if not summary['froc']:
        return []
    rows = [f'{"lesion by lesion":<22}{"lesions":>9}{"FROC score":>13}']
    for lesion, curve in summary['froc'].items():
        score = '-' if curve['score'] is None else f'{curve["score"]:.3f}'
        full = f'{lesion} {FULL_NAMES.get(lesion, "")}'.rstrip()
        rows.append(f'{first_column(full, WIDE)}{curve["lesions"]:>9}{score:>13}')
    return rows
