"""Which photographs of a converted data set are in a split."""

from pathlib import Path

from hacdr.conversion import layout
from hacdr.errors import InputError


def split_members(root, split, number=None):
    """List the photographs of a split.

    Args:
        root (Path): folder of a converted data set.
        split (str): name of a list.
        number (int, optional): at most so many, spread over the list.

    Returns:
        List[Tuple[str, str]]: subset and name of each.

    Raises:
        InputError: not a converted data set, or no such split.
    """
    manifest = layout.read_current_manifest(root)
    path = root / layout.split_path(split)
    if not path.is_file():
        known = ', '.join(sorted(manifest['splits']))
        raise InputError(f'{path}: no such split, expected one of {known}')
    names = path.read_text().split()
    if not names:
        raise InputError(f'{path}: lists no photograph')
    if number is not None and number < len(names):
        names = [names[i * len(names) // number] for i in range(number)]
    subsets = {image['name']: image['subset'] for image in manifest['images']}
    missing = [name for name in names if name not in subsets]
    if missing:
        raise InputError(f'{path}: {missing[0]} is not in manifest.json')
    return [(subsets[name], name) for name in names]


def photograph_file(root, subset, name):
    """Path of a photograph of a converted data set, '.jpg' or '.png'.

    Args:
        root (Path): the data set's folder.
        subset (str): 'train' or 'test'.
        name (str): the photograph's name, without suffix.

    Returns:
        Path: the file, or where it should be.
    """
    jpeg = Path(root, 'images', subset, f'{name}.jpg')
    png = jpeg.with_name(f'{name}.png')
    return png if png.is_file() else jpeg
