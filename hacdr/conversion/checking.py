"""Is a converted data set still what the converter wrote?"""

from __future__ import annotations

import io
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from hacdr.conversion import layout, merging
from hacdr.conversion.convert import sum_up
from hacdr.errors import InputError, counted
from hacdr.files import decode_list, sha256
from hacdr.images import decode_image
from hacdr.lesions import IGNORED
from hacdr.parallel import for_each

COUNTS = ('mask_pixels', 'label_pixels', 'components')


def check_conversion(
    root: str | Path, jobs: int | None = None
) -> tuple[int, list[str]]:
    """Verify a conversion: every file opens, fits its neighbours and its manifest.

    Args:
        root (str | Path): the data set's root.
        jobs (int, optional): processes; one for each core by default.

    Returns:
        Tuple[int, List[str]]: photographs checked, and the problems, each one line
        that begins with the file.

    Raises:
        InputError: there is no manifest, or it is of another version.
    """
    root = Path(root)
    manifest = layout.read_current_manifest(root)
    images = manifest['images']
    lesions = layout.classes_of(manifest)[1:]
    work = partial(_check_image, root, manifest['photograph_format'], lesions)
    found = for_each(work, images, jobs, 'checking')
    problems = [problem for problems in found for problem in problems]
    problems += _check_splits(root, manifest)
    if sum_up(images) != manifest['totals']:
        problems.append(f'{layout.MANIFEST}: totals are not the sum of its images')
    unknown = layout.present_files(root) - layout.expected_files(manifest)
    problems += [f'{path}: not a file of the conversion' for path in sorted(unknown)]
    return len(images), problems


def _read(root, path):
    try:
        return (root / path).read_bytes()
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from error


def _check_image(root, file_format, lesions, entry):
    """Problems of one photograph, its label map and its bit map."""
    problems, maps = [], []
    for path, digest in layout.image_files(entry, file_format).items():
        try:
            data = _read(root, path)
            image = decode_image(io.BytesIO(data), path, 'image')
        except InputError as error:
            problems.append(str(error))
            continue
        maps.append(np.asarray(image))
        if sha256(data) != digest:
            problems.append(f'{path}: sha256 is not the one in {layout.MANIFEST}')
        expected = entry['width'], entry['height']
        if image.size != expected:
            problems.append(f'{path}: is {image.size}, expected {expected}')
    if len(maps) < 3 or any(m.shape[:2] != maps[0].shape[:2] for m in maps):
        return problems
    where = entry['subset'], entry['name']
    label_path, mask_path = layout.label_path(*where), layout.mask_path(*where)
    types = _check_types({label_path: maps[1], mask_path: maps[2]})
    if types:
        return problems + types
    problems += _check_label(label_path, *maps[1:], lesions)
    problems += _check_counts(mask_path, maps[2], entry, lesions)
    return problems


def _check_types(maps):
    """Problems of maps that are not of 8 bits and one channel."""
    return [
        f'{path}: is {values.dtype} {values.shape}, expected 8 bits, one channel'
        for path, values in maps.items()
        if values.ndim != 2 or values.dtype != np.uint8
    ]


def _check_label(path, label, bits, lesions):
    """Problems of a label map, given its bit map."""
    last = len(lesions)
    other = {*np.unique(label).tolist()} - {*range(last + 1), IGNORED}
    if other:
        return [
            f'{path}: has the value {min(other)}, expected 0 to {last} or {IGNORED}'
        ]
    if (merging.to_labels(bits, lesions) != label).any():
        return [f'{path}: is not what its bit map says']
    return []


def _check_counts(path, bits, entry, lesions):
    """Differences between a bit map and its entry in the manifest."""
    problems = []
    for lesion, count in merging.count_lesions(bits, lesions).items():
        noted = entry['lesions'][lesion]
        problems += [
            f'{path}: {lesion} has {count[key]} {key}, expected {noted[key]}'
            for key in COUNTS
            if count[key] != noted[key]
        ]
    if merging.count_overlaps(bits, lesions) != entry['overlaps']:
        problems.append(f'{path}: overlaps are not those in {layout.MANIFEST}')
    if merging.count_ignored(bits) != entry['ignored_pixels']:
        problems.append(f'{path}: ignored pixels are not those in {layout.MANIFEST}')
    return problems


def _check_splits(root, manifest):
    """Problems of the lists of photographs."""
    subsets = {image['name']: image['subset'] for image in manifest['images']}
    lists, problems = {}, []
    for split, entry in manifest['splits'].items():
        path = layout.split_path(split)
        try:
            data = _read(root, path)
            lists[split] = listed = decode_list(data, path)
        except InputError as error:
            problems.append(str(error))
            continue
        if sha256(data) != entry['sha256']:
            problems.append(f'{path}: sha256 is not the one in {layout.MANIFEST}')
        if len(listed) != entry['photographs']:
            expected = entry['photographs']
            problems.append(
                f'{path}: lists {counted(len(listed), "photograph")}, not {expected}'
            )
        problems += _check_members(split, listed, subsets)
    return problems + _check_disjoint(lists)


def _check_members(split, listed, subsets):
    """Problems of the names in one list, given the subset of every photograph."""
    path, expected = layout.split_path(split), 'test' if split == 'test' else 'train'
    problems = []
    unknown = [name for name in listed if name not in subsets]
    if unknown:
        problems.append(f'{path}: lists {unknown[0]}, which is not there')
    foreign = [name for name in listed if subsets.get(name, expected) != expected]
    if foreign:
        problems.append(
            f'{path}: lists {foreign[0]}, which is of {subsets[foreign[0]]}, expected '
            f'only photographs of {expected}'
        )
    twice = [name for name, count in Counter(listed).items() if count > 1]
    if twice:
        problems.append(f'{path}: lists {twice[0]} more than once')
    return problems


def _check_disjoint(lists):
    """Problems between train, val and trainval, as far as they are there."""
    train, val = {*lists.get('train', ())}, {*lists.get('val', ())}
    path, problems = layout.split_path('val'), []
    if train & val:
        problems.append(f'{path}: lists {min(train & val)}, which train lists, too')
    if {'train', 'val', 'trainval'} <= {*lists}:
        other = {*lists['trainval']} ^ (train | val)
        if other:
            path = layout.split_path('trainval')
            problems.append(f'{path}: is not train and val, differs in {min(other)}')
    return problems + _check_folds(lists)


def _check_folds(lists):
    """Problems between the two lists of each fold."""
    problems = []
    for split, listed in lists.items():
        if split.startswith('fold') and split.endswith('_val'):
            train = {*lists.get(split.replace('_val', '_train'), ())}
            other = {*lists.get('trainval', ())} ^ train ^ {*listed}
            if other or train & {*listed}:
                differs = min(other or train & {*listed})
                problems.append(
                    f'{layout.split_path(split)}: is not trainval with the train of '
                    f'its fold, differs in {differs}'
                )
    return problems
