"""Keys and types of a config: those that exist, and that the types take."""

from __future__ import annotations

import inspect
from typing import Collection, Sequence

from mmcv.utils import Registry
from mmseg.models.builder import MODELS

from hacdr.errors import InputError

from .values import as_list, hint, require

# What else a key of a model holds is one of these only if its type is.
MODEL_PARTS = ('backbone', 'neck', 'decode_head', 'auxiliary_head', 'loss_decode')


def check_built(
    part: dict, registry: Registry, where: str, further: Sequence[str] = ()
) -> type:
    """Check the type and arguments of a part, and of the model parts inside it.

    Args:
        part (dict): with 'type' and the arguments of that class.
        registry (mmcv.utils.Registry): what knows the type.
        where (str): its key, for errors.
        further (Sequence[str]): keys that are not arguments of the class.

    Returns:
        type: the class.

    Raises:
        InputError: an unknown type or argument.
    """
    require(dict, part, where)
    if part.get('type') is None:
        raise InputError(f'{where}.type is missing')
    cls = find_class(part['type'], registry, f'{where}.type')
    names = parameters(cls)
    if names is not None:
        check_keys(part, [*names, 'type', *further], where)
    if registry is MODELS:
        for key, value in part.items():
            if str(key).endswith('_cfg'):
                continue
            for one in as_list(value):
                if key in MODEL_PARTS or _is_model_part(one):
                    check_built(one, registry, f'{where}.{key}')
    return cls


def _is_model_part(value):
    # A sampler, say, or deformable convolutions are of registries of their own.
    return isinstance(value, dict) and value.get('type') in MODELS.module_dict


def find_class(name: str | type, registry: Registry, where: str) -> type:
    """Return the class that a type names; arguments and errors as above."""
    if inspect.isclass(name):
        return name
    require(str, name, where)
    try:
        cls = registry.get(name)
    except AttributeError:
        # mmcv's way with a scope that it does not know ('mmdet.Resize').
        cls = None
    if cls is None:
        raise InputError(f'{where}: unknown {name}{hint(name, registry.module_dict)}')
    return cls


def parameters(cls: type) -> set[str] | None:
    """Return the names of a class's arguments, or None if it takes any."""
    names, closed = argument_names(cls)
    return names if closed else None


def argument_names(cls: type) -> tuple[set[str], bool]:
    """Return the names of a class's arguments and whether there are no others."""
    names = set()
    for base in inspect.getmro(cls):
        if '__init__' not in vars(base) or base is object:
            continue
        arguments = inspect.signature(vars(base)['__init__']).parameters.values()
        names |= {
            argument.name
            for argument in arguments
            if argument.kind not in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL)
        }
        # Arguments that a class passes on are those of the class it inherits from.
        if not any(argument.kind is argument.VAR_KEYWORD for argument in arguments):
            return names - {'self'}, True
    return names - {'self'}, False


def check_keys(part: dict, allowed: Collection[str], where: str) -> None:
    """Refuse a key that is not allowed, with the nearest one that is."""
    for key in part:
        if key not in allowed and key != '_delete_':
            raise InputError(f'{where}.{key}: unknown config key{hint(key, allowed)}')
