"""Any data set of fundus photographs with lesion masks -> one layout on disk.

What differs between data sets is a reader: a function that takes a source and
returns a :class:`~hacdr.conversion.plan.Plan`. Everything else is here, once.
"""

from __future__ import annotations

import platform
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import PIL

import hacdr
from hacdr.conversion import building, layout, merging, reading
from hacdr.conversion.earlier import (
    find_earlier,
    find_unchanged,
    refuse_unknown_files,
    same_splits,
)
from hacdr.conversion.folds import fold_lists
from hacdr.conversion.plan import Plan
from hacdr.conversion.sources import Source
from hacdr.errors import InputError
from hacdr.files import sha256
from hacdr.images import encode_map
from hacdr.parallel import for_each
from hacdr.preprocess.maps import reduce_bits
from hacdr.preprocess.resize import fit_size, resize_photograph

SUMMED = (
    'mask_pixels',
    'label_pixels',
    'original_components',
    'components',
    'kept_as_one_pixel',
)


def convert(
    source: Source,
    plan: Plan,
    output: str | Path,
    overwrite: bool = False,
    jobs: int | None = None,
    max_side: int | None = None,
) -> tuple[dict, int | None]:
    """Convert a data set.

    Writes photographs, label maps, bit maps, split files and the manifest below
    ``output``. Photographs are copied byte for byte unless they are reduced. Of a
    set that was converted before, only what changed is converted again.

    Args:
        source (Source): as ``open_source`` returns it.
        plan (Plan): what a reader found in it.
        output (str | Path): the data set's root; appears complete or not at all.
        overwrite (bool): convert everything anew and replace an earlier conversion.
        jobs (int, optional): processes; one for each core by default.
        max_side (int, optional): reduce what is longer than this many pixels.

    Returns:
        Tuple[dict, int | None]: the manifest, and how many photographs were
        converted; None where the earlier conversion was left as it is.

    Raises:
        InputError: a photograph or mask is not as it should be, ``output`` holds
            something else, or it cannot be written.
    """
    if max_side is not None and max_side < 1:
        raise InputError(f'max_side is {max_side}, expected 1 or more')
    _check_names(source, plan)
    output = Path(output)
    earlier = find_earlier(plan, output, overwrite, max_side)
    kept = {}
    if earlier and not overwrite:
        kept = find_unchanged(source, plan, earlier, output, jobs)
        if len(kept) == len(plan.records):
            splits = _add_folds(plan, kept)
            if same_splits(splits, earlier, output):
                return earlier, None
    if earlier:
        refuse_unknown_files(earlier, output)
    changed = [record for record in plan.records if record.name not in kept]
    with building.new_folder(output) as folder:
        work = partial(_convert_record, source, plan, folder, max_side)
        converted = for_each(work, changed, jobs, 'converting')
        for image in kept.values():
            for file in layout.image_files(image, plan.photograph_format):
                building.link_or_copy(output, folder, file)
        entries = {**kept, **{image['name']: image for image in converted}}
        splits = _add_folds(plan, entries)
        for split, names in splits.items():
            path = folder / layout.split_path(split)
            building.add_file(path, layout.split_text(names))
        images = [entries[record.name] for record in plan.records]
        manifest = _describe(source, plan, max_side, images, splits)
        building.add_file(folder / layout.MANIFEST, layout.encode_manifest(manifest))
    return manifest, len(changed)


def _check_names(source, plan):
    """Refuse names that the lists, one a line, would not keep as they are."""
    for name in (record.name for record in plan.records):
        if not name.isprintable() or name != name.strip():
            raise InputError(
                f'{source.path}: name of a photograph {name!r} has line breaks, '
                'control characters or blanks around it; rename the file'
            )


def _add_folds(plan, entries):
    """The splits of a plan, and folds of what is not for testing."""
    amounts = {
        name: [1, *(one['mask_pixels'] for one in entries[name]['lesions'].values())]
        for name in plan.splits.get('trainval', ())
    }
    return {**plan.splits, **fold_lists(amounts, plan.patients)}


def _convert_record(source, plan, folder, max_side, record):
    """Convert one photograph and its masks; returns its entry in the manifest."""
    data, where = source.read(record.photograph), source.where(record.photograph)
    photograph, stays = reading.take_photograph(
        data, where, plan.photograph_format, plan.any_photograph
    )
    original = photograph.pixels.shape[1::-1]
    size = fit_size(original, max_side)
    bits, lesions = _convert_masks(source, plan, record, original, size)
    written = data
    if size != original or not stays:
        copy = resize_photograph(photograph.pixels, size)
        written = reading.encode_photograph(copy, plan.photograph_format)
    labels = merging.to_labels(bits, plan.lesions)
    files = dict(
        photograph=written,
        label=encode_map(labels, layout.label_palette(plan.classes)),
        mask=encode_map(bits),
    )
    image = dict(
        name=record.name,
        subset=record.subset,
        width=size[0],
        height=size[1],
        original_width=original[0],
        original_height=original[1],
        photograph=dict(
            source=record.photograph,
            sha256=sha256(data),
            bytes=len(data),
            notes=photograph.notes,
        ),
        **{f'{kind}_sha256': sha256(content) for kind, content in files.items()},
        ignored_pixels=merging.count_ignored(bits),
        lesions=lesions,
        overlaps=merging.count_overlaps(bits, plan.lesions),
    )
    paths = layout.image_files(image, plan.photograph_format)
    for path, content in zip(paths, files.values()):
        building.add_file(folder / path, content)
    return image


def _convert_masks(source, plan, record, original_size, size):
    """The bit map of a photograph, and the manifest's entries of its lesions."""
    files = {
        file: (None if file in plan.digests else source.read(file), source.where(file))
        for file in {*record.masks.values()}
    }
    masks = plan.read_masks(files, record, original_size)
    drawn = merging.to_bits(masks, original_size[::-1], plan.lesions)
    bits, kept = reduce_bits(drawn, size, len(plan.lesions))
    lesions = before = merging.count_lesions(bits, plan.lesions)
    if size != original_size:
        before = merging.count_lesions(drawn, plan.lesions)
    digests = {
        file: plan.digests.get(file) or sha256(data)
        for file, (data, _) in files.items()
    }
    sources = {
        lesion: dict(source=file, sha256=digests[file])
        for lesion, file in record.masks.items()
    }
    for (lesion, count), kept_as_one_pixel in zip(lesions.items(), kept):
        count['original_components'] = before[lesion]['components']
        count['kept_as_one_pixel'] = kept_as_one_pixel
        count.update(sources.get(lesion, dict(source=None, sha256=None)))
    return bits, lesions


def _warn_of_large(images):
    """One line for each mask that covers more than half of a photograph."""
    return [
        f'{image["name"]}: {lesion} covers {share:.0%} of the photograph; are lesion '
        'and background swapped?'
        for image in images
        for lesion, count in image['lesions'].items()
        for share in [count['mask_pixels'] / (image['width'] * image['height'])]
        if share > 0.5
    ]


def _describe(source, plan, max_side, images, splits):
    """The manifest."""
    return dict(
        dataset=plan.dataset,
        layout=layout.LAYOUT_VERSION,
        source=str(source.path.resolve()),
        max_side=max_side,
        photograph_format=plan.photograph_format,
        versions=dict(
            hacdr=hacdr.__version__,
            python=platform.python_version(),
            numpy=np.__version__,
            pillow=PIL.__version__,
            opencv=cv2.__version__,
        ),
        classes=list(plan.classes),
        drawn=list(plan.drawn),
        read_as=plan.read_as,
        warnings=[*plan.warnings, *_warn_of_large(images)],
        splits={
            split: dict(photographs=len(names), sha256=sha256(layout.split_text(names)))
            for split, names in splits.items()
        },
        totals=sum_up(images),
        images=images,
    )


def sum_up(images: list[dict]) -> dict[str, dict]:
    """Sum up the counts of every subset.

    Args:
        images (List[dict]): entries of the manifest.

    Returns:
        Dict[str, dict]: subset -> its totals.
    """
    totals = {}
    for image in images:
        total = totals.setdefault(
            image['subset'],
            dict(
                photographs=0,
                background_pixels=0,
                ignored_pixels=0,
                lesions={
                    lesion: dict(masks=0, **dict.fromkeys(SUMMED, 0))
                    for lesion in image['lesions']
                },
                overlaps=dict.fromkeys(image['overlaps'], 0),
            ),
        )
        total['photographs'] += 1
        ignored = image['ignored_pixels']
        total['ignored_pixels'] += ignored
        total['background_pixels'] += image['width'] * image['height'] - ignored
        for lesion, count in image['lesions'].items():
            added = total['lesions'][lesion]
            added['masks'] += count['source'] is not None
            for key in SUMMED:
                added[key] += count[key]
            total['background_pixels'] -= count['label_pixels']
        for pair, pixels in image['overlaps'].items():
            total['overlaps'][pair] += pixels
    return totals
