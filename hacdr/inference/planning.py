"""Which photographs of a folder are predicted, and what their results are called."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Sequence

from hacdr.conversion.layout import read_manifest
from hacdr.errors import InputError, first_few, printable
from hacdr.files import LONGEST_NAME, fold_name, refuse_folder, unreadable_folder
from hacdr.images import PHOTOGRAPH_SUFFIXES, find_images
from hacdr.inference.formats import files_of_formats
from hacdr.inference.outputs import OUTPUTS, plane_of
from hacdr.inference.records import HEAD, record_path
from hacdr.inference.tables import SUMS

# What a converted data set has beside photographs.
DERIVED_FOLDERS = 'labels', 'masks'


class Task(NamedTuple):
    """A photograph of a folder.

    Attributes:
        path: its file.
        image: its path in the folder, with slashes.
        output: the same without the suffix: what its results are called.
        files: all that may be written for it, as paths in the output folder.
        obstacle: why it is not predicted, where it is not.
    """

    path: Path
    image: str
    output: str
    files: Sequence[str]
    obstacle: str | None = None


def plan_folder(
    source: str | Path,
    output: Path,
    classes: Sequence[str],
    recursive: bool = False,
    labels: str | Path | None = None,
) -> list[Task]:
    """List the photographs of a folder and what is to be written for them.

    Args:
        source (str | Path): a photograph or a folder of photographs.
        output (Path): folder for the results; photographs in it are left out.
        classes (Sequence[str]): background and lesions.
        recursive (bool): look in sub-folders too. Folders of earlier predictions, and
            those of a converted data set that hold no photographs, are left out and
            told.
        labels (str | Path, optional): folder of label maps, which is left out too.

    Returns:
        List[Task]: at least one, sorted. Where several would be written to the same
        files, on any file system, all but the first have an obstacle; so has one of
        which a result would bear the name of a folder. After them one for each folder
        that cannot be read, with that as its obstacle.

    Raises:
        InputError: ``source`` is missing or holds no photograph; results would be
            written over photographs.
    """
    photographs, root, closed = _find_photographs(
        Path(source), (output, labels), recursive
    )
    originals = {os.path.realpath(path) for path in photographs}
    place = os.path.realpath(output)
    if place in map(os.path.dirname, originals):
        raise _over_photographs(output)
    images = [path.relative_to(root) for path in photographs]
    names = [image.with_suffix('').as_posix() for image in images]
    named = [_name_files(name, classes) for name in names]
    folders = _find_folders(file for files in named for file in files)
    sums = {fold_name(file): file for file in (*SUMS, HEAD)}
    tasks, owners = [], {}
    for path, image, name, files in zip(photographs, images, names, named):
        if not originals.isdisjoint(os.path.join(place, file) for file in files):
            raise _over_photographs(output)
        others = [owners[name] for name in map(fold_name, files) if name in owners]
        blocked = [file for file in files if fold_name(file) in folders]
        tables = [sums[name] for name in _find_folders(files) if name in sums]
        obstacle = None
        if len(os.fsencode(max(map(os.path.basename, files), key=len))) > LONGEST_NAME:
            obstacle = f'{path}: too long a name for those of its results'
        elif others:
            obstacle = (
                f'{path}: its results would be written over those of {others[0]}; '
                'rename one of them'
            )
        elif blocked:
            obstacle = (
                f'{path}: its result {blocked[0]} bears the name of a folder; rename '
                'one of them'
            )
        elif tables:
            obstacle = (
                f'{path}: is in a folder that bears the name of a result, {tables[0]}; '
                'rename it'
            )
        else:
            owners.update((fold_name(file), image.as_posix()) for file in files)
        tasks.append(Task(path, image.as_posix(), name, files, obstacle))
    for error in closed:
        path = Path(error.filename)
        image = path.relative_to(root).as_posix()
        tasks.append(Task(path, image, image, (), str(unreadable_folder(error))))
    return tasks


def require_photographs(source: str | Path) -> None:
    """Refuse a path that leads to nothing.

    Args:
        source (str | Path): a photograph or a folder of photographs.

    Raises:
        InputError: it is neither.
    """
    if not Path(source).exists():
        raise InputError(f'{source}: no such file or folder of photographs')


def _find_photographs(source, not_in, recursive):
    """Return the photographs, the folder that their paths are told from, and an
    OSError for each folder in it that cannot be read."""
    require_photographs(source)
    closed = []
    if not source.is_dir():
        root, found = source.parent, [source]
        found = [path for path in found if path.suffix.lower() in PHOTOGRAPH_SUFFIXES]
    else:
        root, found = source, find_images(source, recursive, closed.append)
        for folder in filter(None, not_in):
            place = Path(os.path.realpath(folder))
            if Path(os.path.realpath(source)) in place.parents:
                found = [
                    path
                    for path in found
                    if place not in Path(os.path.realpath(path)).parents
                ]
        found = _leave_out_derived(found, source)
    if closed and not found:
        refuse_folder(closed[0])
    if not found:
        raise InputError(
            f'{source}: no photograph found (expected {", ".join(PHOTOGRAPH_SUFFIXES)})'
        )
    return found, root, closed


def _leave_out_derived(paths, source):
    """Return the paths that are no results or label maps of ours; tell the others'
    folders."""

    @lru_cache(maxsize=None)
    def find_derived(folder):
        """Return the highest folder, from source down, that holds such files."""
        if folder != source:
            above = find_derived(folder.parent)
            if above is not None:
                return above
            if folder.name in DERIVED_FOLDERS and read_manifest(folder.parent):
                return folder
        return folder if os.path.isfile(folder / HEAD) else None

    derived = [find_derived(path.parent) for path in paths]
    left_out = sorted({str(folder) for folder in derived if folder is not None})
    if left_out:
        told = (
            'left out, as it holds results of hacdr predict or label maps of hacdr '
            f'convert: {first_few(left_out)}'
        )
        print(printable(told), file=sys.stderr)
    return [path for path, folder in zip(paths, derived) if folder is None]


def _find_folders(files):
    """Return the folders that files are in, folded, with those that these are in."""
    folders = {}
    for folder in {os.path.dirname(file) for file in files}:
        while folder and folder not in folders:
            folders[folder] = fold_name(folder)
            folder = os.path.dirname(folder)
    return {*folders.values()}


def _over_photographs(output):
    return InputError(
        f'{output}: is the folder of the photographs, which results would overwrite; '
        'expected another folder for the results'
    )


def _name_files(name, classes):
    templates = [*OUTPUTS, *map(plane_of, classes[1:])]
    files = [template.format(output=name) for template in templates]
    record = record_path(Path(), name).as_posix()
    return [*files, *files_of_formats(name), record]
