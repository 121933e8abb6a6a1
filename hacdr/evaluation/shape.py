"""The shape of a results file: what stands where, as far as reports read it.

A shape is a :class:`Kind` of plain value; ``[shape]``, a list with at least one such
item; ``{name: shape}``, an object that has these names and maybe others, ``EACH`` being
every name that is there; or ``Maybe(shape)``, which may be null.
"""

from __future__ import annotations

import reprlib
import sys
from typing import Any, Callable, NamedTuple

from hacdr.errors import InputError


class Kind(NamedTuple):
    """A kind of plain value: in words, and whether a value is one."""

    words: str
    includes: Callable[[Any], bool]


class Maybe(NamedTuple):
    """A shape of what may be null, and may be missing where that is said."""

    shape: Any
    missing: bool = False


def _is_number(value):
    # Neither NaN nor infinite, and no whole number that is too large for a float.
    is_plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_plain and abs(value) <= sys.float_info.max


def _is_renaming(value):
    """Tell whether it has a new label for each label, 0 to 7 at most."""
    return (
        isinstance(value, dict)
        and {*value} == {str(label) for label in range(len(value))}
        and len(value) <= 8
        and all(isinstance(new, int) and 0 <= new <= 7 for new in value.values())
    )


EACH = object()
MISSING = object()
TEXT = Kind('text', lambda value: isinstance(value, str))
NUMBER = Kind('a number', _is_number)
SHARE = Kind('a number from 0 to 1', lambda v: _is_number(v) and 0 <= v <= 1)
SIDE = Kind(
    'a whole number, 1 or more',
    lambda v: _is_number(v) and isinstance(v, int) and v >= 1,
)
RENAMING = Kind('a new value for each of 0, 1, ...', _is_renaming)
FIGURE = dict.fromkeys(('value', 'low', 'high'), Maybe(NUMBER))
FROC = {
    'lesions': NUMBER,
    'false_per_image': [NUMBER],
    'sensitivity': [Maybe(NUMBER)],
    'score': Maybe(NUMBER),
}


def check_results(content: Any, file: str) -> None:
    """Refuse a results file in which something that reports read is not as written.

    Args:
        content (object): what JSON holds.
        file (str): for the error.

    Raises:
        InputError: a value is missing or of another kind.
    """
    # These say what else there is.
    check_shape(content, {'lesions': [TEXT], 'summary': {'figures': {}}}, file)
    columns = *content['lesions'], 'mean'
    metrics = 'Dice', *content['summary']['figures']
    thresholds = Maybe(dict.fromkeys(content['lesions'], SHARE))
    shape = {
        **dict.fromkeys(('split', 'dataset', 'data_root', 'config'), TEXT),
        'checkpoint_sha256': Maybe(TEXT),
        'protocol': dict.fromkeys(('ground_truth', 'region'), TEXT),
        'packages': {EACH: TEXT},
        'label_values': Maybe(RENAMING, missing=True),
        'probabilities': Maybe(TEXT, missing=True),
        'summary': {
            'figures': dict.fromkeys(metrics, dict.fromkeys(columns, FIGURE)),
            'thresholds': thresholds,
            'best_dice_thresholds': thresholds,
            'bootstrap': Maybe({'draws': NUMBER, 'seed': NUMBER}),
            'froc': Maybe(dict.fromkeys(content['lesions'], FROC)),
        },
        'photographs': [
            {
                'name': TEXT,
                'image': TEXT,
                'ground_truth': Maybe(TEXT, missing=True),
                'label_map': Maybe(TEXT, missing=True),
                'width': SIDE,
                'height': SIDE,
                'figures': dict.fromkeys(
                    metrics, dict.fromkeys(columns, Maybe(NUMBER))
                ),
                'probabilities': {EACH: TEXT},
            }
        ],
    }
    check_shape(content, shape, file)
    for lesion, curve in (content['summary']['froc'] or {}).items():
        if lesion in content['lesions']:
            number, found = len(curve['false_per_image']), curve['sensitivity']
            words = f'{number} numbers as in false_per_image'
            where = f'summary.froc.{lesion}.sensitivity'
            _require(len(found) == number, found, words, file, where)


def check_shape(value: Any, shape: Any, file: str, where: str = '') -> None:
    """Compare what JSON holds with a shape, see above.

    Args:
        value (object): dicts, lists and plain values.
        shape (object): of it.
        file (str): for the error.
        where (str): the names that led to the value, for the error.

    Raises:
        InputError: '<file>: damaged at summary.figures.AUPR.SE: ...'.
    """
    if isinstance(shape, Maybe):
        if value is not None and not (value is MISSING and shape.missing):
            check_shape(value, shape.shape, file, where)
    elif isinstance(shape, Kind):
        _require(shape.includes(value), value, shape.words, file, where)
    elif isinstance(shape, list):
        is_filled = isinstance(value, list) and bool(value)
        _require(is_filled, value, 'a list, not empty', file, where)
        for number, one in enumerate(value):
            check_shape(one, shape[0], file, f'{where}[{number}]')
    else:
        _require(isinstance(value, dict), value, 'an object', file, where)
        for key, inner in shape.items():
            for name in value if key is EACH else [key]:
                below = f'{where}.{name}' if where else name
                check_shape(value.get(name, MISSING), inner, file, below)


def _require(condition, value, words, file, where):
    if not condition:
        given = 'missing' if value is MISSING else reprlib.repr(value)
        raise InputError(f'{file}: damaged at {where}: {given}, expected {words}')
