"""Which photographs of a converted data set are in a split."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from hacdr.conversion import layout
from hacdr.errors import InputError
from hacdr.files import read_list
from hacdr.lesions import CLASSES


class Member(NamedTuple):
    """One photograph of a converted data set, and its files.

    Attributes:
        name (str): the photograph's name, without suffix.
        photograph, labels, masks (Path): files of the photograph, its label map and
            its bit map.
        classes (Tuple[str, ...]): of the data set, by label value.
    """

    name: str
    photograph: Path
    labels: Path
    masks: Path
    classes: tuple[str, ...] = CLASSES


def split_members(root: Path, split: str, number: int | None = None) -> list[Member]:
    """List the photographs of a split.

    Args:
        root (Path): folder of a converted data set.
        split (str): name of a list.
        number (int, optional): at most so many, spread over the list.

    Returns:
        List[Member]: its photographs.

    Raises:
        InputError: not a converted data set, or no such split.
    """
    manifest = layout.read_current_manifest(root)
    path = root / layout.split_path(split)
    if not path.is_file():
        present = ', '.join(sorted(manifest['splits']))
        raise InputError(f'{path}: no such split, expected one of {present}')
    names = read_list(path)
    if not names:
        raise InputError(f'{path}: lists no photograph')
    if number is not None and number < len(names):
        names = [names[i * len(names) // number] for i in range(number)]
    subsets = {image['name']: image['subset'] for image in manifest['images']}
    missing = [name for name in names if name not in subsets]
    if missing:
        raise InputError(f'{path}: {missing[0]} is not in manifest.json')
    file_format = manifest['photograph_format']
    return [
        Member(
            name=name,
            photograph=root / layout.photograph_path(subsets[name], name, file_format),
            labels=root / layout.label_path(subsets[name], name),
            masks=root / layout.mask_path(subsets[name], name),
            classes=tuple(layout.classes_of(manifest)),
        )
        for name in names
    ]
