"""Which classes a data set has, and which of them a config chooses."""

from typing import Dict, List, NamedTuple, Optional, Tuple

from mmseg.datasets import DATASETS

from hacdr.errors import InputError
from hacdr.files import read_list
from hacdr.lesions import CLASSES, LESION_COUNT, MOST_LESIONS, choose_palette


class ClassChoice(NamedTuple):
    """The classes that are trained and scored.

    Attributes:
        names (Tuple[str, ...]): what they are called, the background first.
        palette (List[List[int]]): RGB of each.
        label_map (Dict[int, int], optional): value in the files -> value here, 0 for
            a lesion that was not chosen; None for all of the field's classes.
    """

    names: Tuple[str, ...]
    palette: List[List[int]]
    label_map: Optional[Dict[int, int]] = None


def count_lesions(label_map=None):
    """Return how many lesions the files of a data set have.

    Args:
        label_map (Dict[int, int], optional): see :class:`ClassChoice`.

    Returns:
        int: without the background.
    """
    return len(label_map) - 1 if label_map else LESION_COUNT


def classes_of(data):
    """Return the classes of a data set, given the part of a config that describes it.

    Args:
        data (dict | list[dict]): as in ``cfg.data.test``; of a wrapper or of several
            data sets joined, what is inside counts. It is not built.

    Returns:
        ClassChoice: names and palette; without names where only the data set itself,
        one of mmseg's or of others, knows.

    Raises:
        InputError: ``classes`` that it does not have.
    """
    data = unwrap_dataset(data)
    kind = dataset_class(data)
    if hasattr(kind, 'choose_classes'):
        return kind.choose_classes(
            data.get('data_root'), data.get('classes'), data.get('palette')
        )
    names = _read_names(data.get('classes')) or getattr(kind, 'CLASSES', None) or ()
    palette = data.get('palette') or getattr(kind, 'PALETTE', None) or []
    return ClassChoice(tuple(names), palette)


def dataset_class(data):
    """Return the class of a data set, given its config, see :func:`classes_of`."""
    kind = unwrap_dataset(data)['type']
    return DATASETS.get(kind) if isinstance(kind, str) else kind


def unwrap_dataset(data):
    """Return the config of the data set inside wrappers, the first of several."""
    while isinstance(data, (list, tuple)) or 'dataset' in data or 'datasets' in data:
        if isinstance(data, (list, tuple)):
            data = data[0]
        else:
            data = data['dataset'] if 'dataset' in data else data['datasets']
    return data


def choose_classes(own, chosen=None, palette=None, renames=False):
    """Choose some of the classes of a data set.

    Args:
        own (Sequence[str]): those in its label maps, in the order of their values, the
            background first.
        chosen (Sequence[str] | str, optional): the names, or a file with one a line;
            all by default.
        palette (Sequence[Sequence[int]], optional): RGB of each that is chosen.
        renames (bool): whether names of which the data set has none are new names of
            its classes, in the order of their values.

    Returns:
        ClassChoice: what was chosen.

    Raises:
        InputError: no background, no lesion, too many, one twice, or one that the data
            set has not.
    """
    own = tuple(own)
    names = own if chosen is None else tuple(_read_names(chosen))
    if names[:1] != own[:1] or len(names) < 2:
        raise InputError(
            f'classes: {", ".join(map(str, names))}, expected {own[0]} first and then '
            'a lesion or several'
        )
    if len(set(names)) < len(names):
        raise InputError(f'classes: {", ".join(names)}, expected each once')
    if len(names) > MOST_LESIONS + 1:
        raise InputError(
            f'classes: {len(names)} of them, expected at most {MOST_LESIONS + 1}'
        )
    unknown = [name for name in names[1:] if name not in own]
    if unknown and renames and len(unknown) == len(names) - 1:
        own = names
    elif unknown:
        raise InputError(
            f'classes: {unknown[0]} is none of the data set, which has {", ".join(own)}'
        )
    if palette is not None and len(palette) != len(names):
        raise InputError(
            f'palette: {len(palette)} colours, expected one for each of '
            f'{", ".join(names)}'
        )
    palette = palette or choose_palette(names)
    label_map = {
        value: names.index(name) if name in names else 0
        for value, name in enumerate(own)
    }
    return ClassChoice(names, palette, None if names == own == CLASSES else label_map)


def _read_names(classes):
    return read_list(classes) if isinstance(classes, str) else classes
