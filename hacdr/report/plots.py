"""Curves as SVG that takes the page's text colour."""

import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from hacdr.evaluation import pooled_curve

# Dark enough on white and light enough on black; dashes tell them apart too.
STYLES = {
    'EX': dict(color='#d9453d', linestyle='-'),
    'HE': dict(color='#3f82e6', linestyle='--'),
    'SE': dict(color='#2c9e4b', linestyle='-.'),
    'MA': dict(color='#b8860b', linestyle=':'),
}
OTHER_STYLES = [
    dict(color=color, linestyle=(0, dashes))
    for color, dashes in (
        ('#a45bd6', (5, 1)),
        ('#1a9a9a', (1, 1)),
        ('#cc6a1f', (3, 1, 1, 1, 1, 1)),
        ('#8a8a8a', (7, 3)),
        ('#cf5a98', (3, 3)),
        ('#7c8f2a', (1, 4)),
        ('#7280c8', (9, 1, 1, 1)),
    )
]
STEPS = 400
FONT = 'DejaVu Sans'
with_settings = matplotlib.rc_context(
    {
        'svg.fonttype': 'none',
        'svg.hashsalt': 'hacdr',
        'font.family': FONT,
        'font.size': 11,
    }
)


@with_settings
def draw_precision_recall(scores, content):
    """Draw precision over recall of all pixels pooled, with the working points.

    Args:
        scores (Sequence[ImageScores]): of all photographs.
        content (dict): of results.json.

    Returns:
        str: SVG.
    """
    figure, axes = _axes('recall', 'precision')
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    figures, thresholds = content['summary']['figures'], working_thresholds(content)
    styles = choose_styles(content['lesions'])
    for k, lesion in enumerate(content['lesions']):
        curve = pooled_curve(scores, k)
        if not curve.positives:
            continue
        chosen = np.searchsorted(
            curve.recall, np.linspace(0, curve.recall[-1], STEPS), side='left'
        )
        axes.plot(
            curve.recall[chosen],
            curve.precision[chosen],
            label=_label(lesion, figures['AUPR'][lesion]['value']),
            **styles[lesion],
        )
        at = np.searchsorted(-curve.scores, -np.float32(thresholds[lesion]), 'right')
        if at:
            axes.plot(
                curve.recall[at - 1],
                curve.precision[at - 1],
                'o',
                color=styles[lesion]['color'],
            )
    return _svg(figure, axes)


@with_settings
def draw_froc(content):
    """Draw the share of lesions found over false findings a photograph.

    Args:
        content (dict): of results.json, lesions matched.

    Returns:
        str: SVG.
    """
    figure, axes = _axes('false findings a photograph', 'lesions found')
    # Linear up to one, so that zero has a place.
    axes.set_xscale('symlog', linthresh=1)
    axes.xaxis.set_major_formatter('{x:g}')
    axes.set(ylim=(0, 1.02))
    styles = choose_styles(content['lesions'])
    for lesion in content['lesions']:
        curve = content['summary']['froc'][lesion]
        if curve['lesions']:
            axes.plot(
                curve['false_per_image'],
                curve['sensitivity'],
                label=_label(lesion, curve['score']),
                marker='.',
                **styles[lesion],
            )
    axes.set_xlim(left=0)
    return _svg(figure, axes)


def choose_styles(lesions):
    """Return lesion -> style of its line; of what is none of the four, others."""
    others = iter(OTHER_STYLES)
    return {lesion: STYLES.get(lesion) or next(others) for lesion in lesions}


def working_thresholds(content):
    """Return lesion -> threshold: chosen ones if there are any, else 0.5."""
    summary = content['summary']
    chosen = summary['thresholds'] or summary['best_dice_thresholds'] or {}
    return {lesion: chosen.get(lesion, 0.5) for lesion in content['lesions']}


def _label(lesion, value):
    return f'{lesion} -' if value is None else f'{lesion} {value:.3f}'


def _axes(x, y):
    figure = Figure(figsize=(4.6, 3.6), layout='constrained')
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y)
    axes.spines[['top', 'right']].set_visible(False)
    return figure, axes


def _svg(figure, axes):
    if axes.lines:
        axes.legend(frameon=False)
    file = io.StringIO()
    figure.savefig(file, format='svg', transparent=True, metadata={'Date': None})
    svg = file.getvalue()
    svg = svg[svg.index('<svg') :].replace('#000000', 'currentColor')
    return svg.replace(f"'{FONT}'", 'system-ui, sans-serif')
