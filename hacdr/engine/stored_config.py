"""Configs that come with weights: read without running anything."""

import ast

from hacdr.errors import InputError, first_line

# Of a model: what training alone needs.
LEFT_OUT = ('train_cfg', 'pretrained')


def prediction_config(config):
    """Return what prediction needs of a config: network and test pipeline.

    Args:
        config (Mapping): an mmseg config.

    Returns:
        str: for :func:`parse_config`.

    Raises:
        InputError: data.test is not one data set.
    """
    model = {k: v for k, v in config['model'].items() if k not in LEFT_OUT}
    tested = config['data']['test']
    if not isinstance(tested, dict):
        raise InputError('data.test joins several data sets, expected one')
    test = {key: tested[key] for key in ('type', 'pipeline')}
    kept = dict(model=model, data=dict(test=test))
    for key in ('test_cfg', 'fp16'):
        if config.get(key) is not None:
            kept[key] = config[key]
    return ''.join(f'{key} = {_plain(value)!r}\n' for key, value in kept.items())


def parse_config(text, where):
    """Read the text of a config as mmcv writes it: lines of ``name = value``.

    Values are literals and calls of ``dict``; nothing is run.

    Args:
        text (str): the text.
        where (str): where it stands, for the error.

    Returns:
        dict: plain values.

    Raises:
        InputError: anything else stands in it.
    """
    try:
        lines = ast.parse(text).body
        return {_name(line): _value(line.value) for line in lines}
    except (SyntaxError, ValueError, AttributeError, TypeError) as error:
        raise InputError(
            f'{where}: the config that came with the weights cannot be read '
            f'({first_line(error)}); pass the config file'
        ) from error


def _name(line):
    if not isinstance(line, ast.Assign):
        raise ValueError(f'line {line.lineno} is no assignment')
    (target,) = line.targets
    return target.id


def _value(node):
    if isinstance(node, ast.Dict):
        return {_value(k): _value(v) for k, v in zip(node.keys, node.values)}
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_value(item) for item in node.elts]
        return values if isinstance(node, ast.List) else tuple(values)
    if isinstance(node, ast.Call):
        if getattr(node.func, 'id', None) != 'dict' or node.args:
            raise ValueError(f'line {node.lineno} calls something')
        return {word.arg: _value(word.value) for word in node.keywords}
    return ast.literal_eval(node)


def _plain(value):
    """Return a copy of dicts, lists and values alone."""
    if hasattr(value, 'items'):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(each) for each in value)
    return value
