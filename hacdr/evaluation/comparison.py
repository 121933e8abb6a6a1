"""Is B better than A? Two tests of the same photographs, compared in pairs."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from hacdr.errors import InputError, counted

from .bootstrap import are_told, draw_weights, interval, mean_of, resample
from .metrics import figures, has_probabilities
from .protocol import Protocol
from .scores import ImageScores
from .table import first_column

METRICS = ('AUPR', 'Dice')


def check_comparable(first: dict, second: dict, names: Sequence[str]) -> None:
    """Refuse results that mean different things.

    Args:
        first, second (dict): contents of results files.
        names (Sequence[str]): the two files, for the error.

    Raises:
        InputError: another dataset, protocol, other lesions or photographs.
    """
    a, b = names
    for key in ('dataset', 'split'):
        if first[key] != second[key]:
            raise InputError(
                f'{b}: {key} is {second[key]}, expected {first[key]} as in {a}'
            )
    if first['lesions'] != second['lesions']:
        raise InputError(
            f'{b}: scores of {", ".join(second["lesions"])}, expected '
            f'{", ".join(first["lesions"])} as in {a}'
        )
    for key, value in first['protocol'].items():
        other = second['protocol'].get(key)
        if other != value:
            raise InputError(
                f'{b}: protocol has {key} {other}, expected {value} as in {a}'
            )
    sizes = [
        {image['image']: (image['pixels'], image['counts'][2]) for image in one}
        for one in (first['photographs'], second['photographs'])
    ]
    missing = sorted(sizes[0].keys() - sizes[1].keys())
    extra = sorted(sizes[1].keys() - sizes[0].keys())
    if missing or extra:
        raise InputError(
            f'{b}: {"no " + missing[0] if missing else extra[0] + " too"}, expected '
            f'the {len(sizes[0])} photographs of {a}'
        )
    for name, size in sizes[0].items():
        if sizes[1][name] != size:
            raise InputError(f'{b}: another ground truth for {name} than in {a}')


def keep_common(
    results: Sequence[tuple[dict, list[ImageScores]]], names: Sequence[str]
) -> list[tuple[dict, list[ImageScores]]]:
    """Keep the photographs that all results have, whatever split they were tested in.

    Args:
        results (Sequence[tuple]): contents and scores, from
            :func:`hacdr.evaluation.read_results`.
        names (Sequence[str]): their files, for the error.

    Returns:
        list[tuple]: the same, of these photographs in one order; 'split' is 'common'.

    Raises:
        InputError: there is no such photograph.
    """
    places = [
        {image['image']: k for k, image in enumerate(content['photographs'])}
        for content, _ in results
    ]
    common = sorted(set.intersection(*map(set, places)))
    if not common:
        raise InputError(f'{names[-1]}: no photograph that is in {names[0]} too')
    kept = []
    for (content, scores), place in zip(results, places):
        photographs = [content['photographs'][place[name]] for name in common]
        content = {**content, 'photographs': photographs, 'split': 'common'}
        kept.append((content, [scores[place[name]] for name in common]))
    return kept


def compare(
    first: dict,
    first_scores: Sequence[ImageScores],
    second: dict,
    second_scores: Sequence[ImageScores],
) -> dict:
    """Compare B with A by a paired bootstrap: both on the same drawn photographs.

    Args:
        first, first_scores, second, second_scores: of A and B, from
            :func:`hacdr.evaluation.read_results`; must be comparable.

    Returns:
        dict: metric -> lesion or 'mean' -> {'a', 'b', 'low', 'high', 'better',
        'verdict'}: the figures, the 95 % interval of B - A, the share of draws in
        which B is the better one (equal ones count half), and 'better', 'worse' or
        'not told apart'. All None where a figure is not defined, and all but the
        figures where there is no interval
        (:func:`hacdr.evaluation.bootstrap.are_told`). The mean is over the lesions
        whose figures both define. AUPR only if both have probabilities.
    """
    place = {image['image']: k for k, image in enumerate(second['photographs'])}
    order = [place[image['image']] for image in first['photographs']]
    both = [first_scores, [second_scores[k] for k in order]]
    weights = draw_weights(len(order))
    points = [figures(scores) for scores in both]
    draws = [
        resample(scores, weights, point=point) for scores, point in zip(both, points)
    ]
    metrics = METRICS if all(map(has_probabilities, both)) else METRICS[1:]
    return {
        metric: dict(
            zip(
                (*first['lesions'], 'mean'),
                _verdicts(
                    [point[metric] for point in points],
                    [drawn[metric][:, :-1] for drawn in draws],
                    metric,
                    first_scores,
                ),
            )
        )
        for metric in metrics
    }


def _verdicts(points, draws, metric, scores):
    """Return the verdict on each lesion, and on the mean of those that both define."""
    defined = ~np.isnan(points).any(0)
    a, b, differences = (
        np.append(values, mean_of(values, defined)[..., None], axis=-1)
        for values in (*points, draws[1] - draws[0])
    )
    return map(_verdict, a, b, differences.T, are_told(scores, metric, defined))


def _verdict(a, b, differences, is_told):
    a, b = float(a), float(b)
    if np.isnan(a) or np.isnan(b):
        return dict.fromkeys(('a', 'b', 'low', 'high', 'better', 'verdict'))
    if not is_told:
        return {'a': a, 'b': b, **dict.fromkeys(('low', 'high', 'better', 'verdict'))}
    ((low, high),) = interval(differences[:, None])
    kept = differences[~np.isnan(differences)]
    verdict = 'better' if low > 0 else 'worse' if high < 0 else 'not told apart'
    return {
        'a': a,
        'b': b,
        'low': float(low),
        'high': float(high),
        'better': float((kept > 0).mean() + (kept == 0).mean() / 2),
        'verdict': verdict,
    }


def format_comparison(comparison: dict, protocol: Protocol, photographs: int) -> str:
    """Format what :func:`compare` returns.

    Args:
        comparison (dict): from there.
        protocol (Protocol): of both results.
        photographs (int): how many.

    Returns:
        str: lines of at most 80 characters.
    """
    rows = [
        f'{counted(photographs, "photograph")}, paired bootstrap; '
        'intervals of B - A: 95 %',
        protocol.describe(),
    ]
    for metric, lesions in comparison.items():
        rows.append(
            f'{metric:<6}{"A":>8}{"B":>8}{"B - A":>9}{"interval":>18}'
            f'{"B better in":>13}  verdict on B'
        )
        for name, one in lesions.items():
            rows.append(first_column(name, 6) + _figures(name, one))
    return '\n'.join(rows)


def _figures(name, one):
    if one['a'] is None:
        return '       -       -        -'
    text = f'{one["a"]:>8.3f}{one["b"]:>8.3f}{one["b"] - one["a"]:>+9.3f}'
    if one['verdict'] is None:
        why = 'in fewer than 2 photographs'
        if name == 'mean':
            why = 'one of its lesions has none'
        return f'{text}  no interval: {why}'
    ends = f'{one["low"]:+.3f}..{one["high"]:+.3f}'
    return f'{text}{ends:>18}{100 * one["better"]:>11.1f} %  {one["verdict"]}'
