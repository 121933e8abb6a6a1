"""What a converted data set looks like on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Callable, Iterable, Sequence

from hacdr.conversion.sources import is_hidden
from hacdr.errors import InputError
from hacdr.lesions import CLASSES, IGNORED, choose_palette

MANIFEST = 'manifest.json'
# Raised when the files of a converted set change their meaning.
LAYOUT_VERSION = 3
SUFFIXES = {'JPEG': '.jpg', 'PNG': '.png'}


def photograph_path(subset: str, name: str, file_format: str = 'JPEG') -> str:
    """Path of a photograph below the data set's root.

    Args:
        subset (str): 'train' or 'test'.
        name (str): the photograph's name, without suffix.
        file_format (str): 'JPEG' or 'PNG', the same in the whole data set.

    Returns:
        str: ``images/<subset>/<name>.jpg`` or ``.png``.
    """
    return f'images/{subset}/{name}{SUFFIXES[file_format]}'


def label_path(subset: str, name: str) -> str:
    """Path of a label map, arguments as above."""
    return f'labels/{subset}/{name}.png'


def mask_path(subset: str, name: str) -> str:
    """Path of a bit map (see ``merging.to_bits``), arguments as above."""
    return f'masks/{subset}/{name}.png'


def split_path(split: str) -> str:
    """Path of a list of photographs, one name a line."""
    return f'splits/{split}.txt'


def split_text(names: Iterable[str]) -> bytes:
    """Content of such a list, given the names."""
    return ''.join(f'{name}\n' for name in names).encode()


def label_palette(classes: Sequence[str] = CLASSES) -> list[list[int]]:
    """Colours of all 256 values of a label map.

    Args:
        classes (Sequence[str]): by value.

    Returns:
        List[List[int]]: RGB; ignored pixels are grey.
    """
    colours = choose_palette(classes)
    return [*colours, *[[0, 0, 0]] * (IGNORED - len(colours)), [128, 128, 128]]


def classes_of(manifest: dict) -> list[str]:
    """The classes of a data set, List[str], by label value, the background first."""
    return manifest.get('classes', list(CLASSES))


def encode_manifest(manifest: dict) -> bytes:
    """Encode ``manifest.json``, given a dict of what JSON knows."""
    return (json.dumps(manifest, indent=1) + '\n').encode()


def read_manifest(folder: str | Path) -> dict | None:
    """Read the manifest of a converted data set.

    Args:
        folder (str | Path): the data set's root.

    Returns:
        dict | None: None where there is none or it is not ours.
    """
    try:
        manifest = json.loads((Path(folder) / MANIFEST).read_text())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and 'layout' in manifest else None


def read_current_manifest(root: str | Path) -> dict:
    """Read the manifest of a data set that this version of hacdr converted.

    Args:
        root (str | Path): the data set's root.

    Returns:
        dict: the manifest.

    Raises:
        InputError: there is none, or it is of another layout.
    """
    manifest = read_manifest(root)
    if manifest is None:
        raise InputError(f'{root}: not a converted data set, it has no {MANIFEST}')
    if manifest['layout'] != LAYOUT_VERSION:
        raise InputError(
            f'{root}: was converted by another version of hacdr (layout '
            f'{manifest["layout"]}, expected {LAYOUT_VERSION}); convert the download '
            'again'
        )
    return manifest


def refuse_data_set(output: str | Path) -> None:
    """Refuse to write something else into a converted data set.

    Args:
        output (str | Path): a folder, there or not.

    Raises:
        InputError: it is one, or in one.
    """
    place = Path(os.path.realpath(output))
    for folder in (place, *place.parents):
        if read_manifest(folder) is not None:
            raise InputError(
                f'{output}: is in the converted data set {folder}, expected another '
                'folder for the results'
            )


def expected_files(manifest: dict) -> set[str]:
    """List the files of a data set.

    Args:
        manifest (dict): as :func:`read_manifest` returns it.

    Returns:
        Set[str]: paths below its root, '/' between the parts.
    """
    files = {MANIFEST} | {split_path(split) for split in manifest['splits']}
    for image in manifest['images']:
        files.update(image_files(image, manifest['photograph_format']))
    return files


def image_files(image: dict, file_format: str) -> dict[str, str]:
    """List the files of one photograph.

    Args:
        image (dict): its entry in the manifest.
        file_format (str): of the data set's photographs.

    Returns:
        Dict[str, str]: path of the photograph, label map and bit map -> their
        sha256 according to the manifest.
    """
    where = image['subset'], image['name']
    return {
        photograph_path(*where, file_format): image['photograph_sha256'],
        label_path(*where): image['label_sha256'],
        mask_path(*where): image['mask_sha256'],
    }


def present_files(
    folder: str | Path, passed_over: Callable[[str], bool] = is_hidden
) -> set[str]:
    """List the files that lie below a folder, as :func:`expected_files` does.

    Args:
        folder (str | Path): where to look.
        passed_over (callable): tells of a path whether it does not count.

    Returns:
        Set[str]: paths below it, '/' between the parts.
    """
    folder = Path(folder)
    files = (path for path in folder.rglob('*') if not path.is_dir())
    names = (path.relative_to(folder).as_posix() for path in files)
    return {name for name in names if not passed_over(name)}
