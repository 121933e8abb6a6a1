"""Whatever a config or an option holds: it is taken, or refused in one line."""

import copy
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmcv import Config

from hacdr.engine.config import apply_options, check_config, load_config
from hacdr.errors import InputError

CONFIGS = Path(__file__).parents[2] / 'configs'
PLAIN = load_config(str(CONFIGS / 'hacdr_demo.py'))


def find_places(node, place=()):
    """Yield the keys that lead to everything in a config."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in items:
        yield (*place, key)
        if isinstance(value, (dict, list)):
            yield from find_places(value, (*place, key))


PLACES = list(find_places(PLAIN._cfg_dict))
# Words that mean something somewhere.
WORDS = sorted({key for place in PLACES for key in place if isinstance(key, str)})
WORDS += ['slide', 'LesionDataset', 'CustomDataset', 'RepeatDataset', 'EncoderDecoder']
WORDS += ['EMAHook', 'val', 'mmdet.Resize', '0', '²', '', '.', '_delete_', '\0']
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 300)
    | st.floats(allow_nan=True)
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(
            st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3
        )
    ),
    max_leaves=6,
)
CHANGES = st.tuples(
    st.sampled_from(PLACES), st.sampled_from(['set', 'add', 'drop']), VALUES
)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def change(cfg, place, how, value):
    """Set, add or drop something at a place; a place that is gone is left."""
    node = cfg
    for key in place[:-1]:
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            return
    key = place[-1]
    if how == 'add' and isinstance(node, dict):
        node[f'{key}_'] = value
    elif isinstance(node, dict) and key in node:
        if how == 'drop':
            del node[key]
        else:
            node[key] = value
    elif isinstance(node, list) and isinstance(key, int) and key < len(node):
        node[key] = value


def is_refused(act):
    """Call ``act``; nothing but an InputError of one line may be raised."""
    message = None
    try:
        act()
    except InputError as error:
        message = str(error)
    assert message != ''
    assert '\n' not in (message or '')
    return message is not None


@QUICK
@given(st.lists(CHANGES, min_size=1, max_size=3))
def test_any_value_at_any_place(changes):
    cfg = copy.deepcopy(PLAIN._cfg_dict.to_dict())
    for one in changes:
        change(cfg, *one)
    is_refused(lambda: check_config(Config(cfg)))


KEYS = st.lists(st.sampled_from(WORDS) | st.integers(0, 9).map(str), max_size=5)
PLACE_KEYS = st.sampled_from(PLACES).map(lambda place: [str(key) for key in place])


@QUICK
@given(
    st.dictionaries((KEYS | PLACE_KEYS).map('.'.join), VALUES, min_size=1, max_size=2)
)
def test_any_option(options):
    cfg = copy.deepcopy(PLAIN)
    if not is_refused(lambda: apply_options(cfg, options)):
        is_refused(lambda: check_config(cfg))


def test_the_changes_reach_what_is_checked():
    cfg = PLAIN._cfg_dict.to_dict()
    assert not is_refused(lambda: check_config(Config(cfg)))
    change(cfg, ('model', 'backbone', 'type'), 'set', 3)
    assert is_refused(lambda: check_config(Config(cfg)))
