"""Which photographs of a folder are predicted, and what their results are called."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Sequence

from hacdr.errors import InputError
from hacdr.files import LONGEST_NAME, fold_name, refuse_folder, unreadable_folder
from hacdr.images import PHOTOGRAPH_SUFFIXES, find_images
from hacdr.inference.formats import files_of_formats
from hacdr.inference.outputs import OUTPUTS, plane_of
from hacdr.inference.records import record_path


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
    source: str | Path, output: Path, classes: Sequence[str], recursive: bool = False
) -> list[Task]:
    """List the photographs of a folder and what is to be written for them.

    Args:
        source (str | Path): a photograph or a folder of photographs.
        output (Path): folder for the results; photographs in it are left out.
        classes (Sequence[str]): background and lesions.
        recursive (bool): look in sub-folders too.

    Returns:
        List[Task]: at least one, sorted. Where several would be written to the same
        files, on any file system, all but the first have an obstacle. After them one
        for each folder that cannot be read, with that as its obstacle.

    Raises:
        InputError: ``source`` is missing or holds no photograph; results would be
            written over photographs.
    """
    photographs, root, closed = _find_photographs(Path(source), output, recursive)
    originals = {os.path.realpath(path) for path in photographs}
    place = os.path.realpath(output)
    if place in map(os.path.dirname, originals):
        raise _over_photographs(output)
    tasks, owners = [], {}
    for path in photographs:
        image = path.relative_to(root)
        name = image.with_suffix('').as_posix()
        files = _name_files(name, classes)
        if not originals.isdisjoint(os.path.join(place, file) for file in files):
            raise _over_photographs(output)
        others = [owners[name] for name in map(fold_name, files) if name in owners]
        obstacle = None
        if len(os.fsencode(max(map(os.path.basename, files), key=len))) > LONGEST_NAME:
            obstacle = f'{path}: too long a name for those of its results'
        elif others:
            obstacle = (
                f'{path}: its results would be written over those of {others[0]}; '
                'rename one of them'
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


def _find_photographs(source, output, recursive):
    """Return the photographs, the folder that their paths are told from, and an
    OSError for each folder in it that cannot be read."""
    require_photographs(source)
    closed = []
    if not source.is_dir():
        root, found = source.parent, [source]
        found = [path for path in found if path.suffix.lower() in PHOTOGRAPH_SUFFIXES]
    else:
        root, found = source, find_images(source, recursive, closed.append)
        results = Path(os.path.realpath(output))
        if Path(os.path.realpath(source)) in results.parents:
            found = [
                path
                for path in found
                if results not in Path(os.path.realpath(path)).parents
            ]
    if closed and not found:
        refuse_folder(closed[0])
    if not found:
        raise InputError(
            f'{source}: no photograph found (expected {", ".join(PHOTOGRAPH_SUFFIXES)})'
        )
    return found, root, closed


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
