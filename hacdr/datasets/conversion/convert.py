"""Any data set of fundus photographs with lesion masks -> one layout on disk.

What differs between data sets is a reader: a function that takes a source and
returns a :class:`Plan`. Everything else is here, once.
"""

import hashlib
import os
import platform
import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Dict, List, NamedTuple

import numpy as np
import PIL
import scipy
from tqdm import tqdm

import hacdr
from hacdr.datasets.conversion import layout, merging, reading
from hacdr.errors import InputError


class Record(NamedTuple):
    """One photograph.

    Attributes:
        name: without suffix; unique in the data set.
        subset: 'train' or 'test', the folder it goes to.
        photograph: its file, a name of the source.
        masks: lesion -> its file; a lesion without one is absent.
    """

    name: str
    subset: str
    photograph: str
    masks: Dict[str, str]


class Plan(NamedTuple):
    """What a reader found in a source.

    Attributes:
        dataset: the data set's name.
        records: the photographs, sorted.
        splits: split's name -> names of its photographs.
        warnings: what is missing or odd, each one line; ``--strict`` refuses them.
    """

    dataset: str
    records: List[Record]
    splits: Dict[str, List[str]]
    warnings: List[str]


def convert(source, plan, output, overwrite=False, jobs=None):
    """Convert a data set.

    Writes photographs (byte for byte), label maps, bit maps, split files and the
    manifest below ``output``. A set that was converted from the same files before
    is left as it is.

    Args:
        source (FolderSource | ZipSource): as ``open_source`` returns it.
        plan (Plan): what a reader found in it.
        output (str | Path): the data set's root; appears complete or not at all.
        overwrite (bool): convert anew and replace an earlier conversion.
        jobs (int, optional): processes; one for each core by default.

    Returns:
        Tuple[dict, bool]: the manifest, and whether anything was written.

    Raises:
        InputError: a photograph or mask is not as it should be, ``output`` holds
            something else, or it cannot be written.
    """
    jobs = os.cpu_count() if jobs is None else jobs
    if jobs < 1:
        raise InputError(f'jobs is {jobs}, expected 1 or more')
    done = _find_earlier(source, plan, output, overwrite)
    if done is not None:
        return done, False
    with layout.new_folder(output) as folder:
        images = _convert_all(source, plan.records, folder, jobs)
        for split, names in plan.splits.items():
            text = ''.join(f'{name}\n' for name in names)
            layout.write_bytes(folder / layout.split_path(split), text.encode())
        manifest = dict(
            dataset=plan.dataset,
            layout=layout.LAYOUT_VERSION,
            source=str(source.path.resolve()),
            versions=dict(
                hacdr=hacdr.__version__,
                python=platform.python_version(),
                numpy=np.__version__,
                scipy=scipy.__version__,
                pillow=PIL.__version__,
            ),
            lesions=list(merging.LESIONS),
            warnings=plan.warnings,
            splits={split: len(names) for split, names in plan.splits.items()},
            totals=_sum_up(images),
            images=images,
        )
        layout.write_manifest(folder, manifest)
    return manifest, True


def convert_record(source, record, folder):
    """Convert one photograph and its masks.

    Args:
        source (FolderSource | ZipSource): where its files are.
        record (Record): which they are.
        folder (Path): the data set's root.

    Returns:
        dict: its entry in the manifest.

    Raises:
        InputError: the photograph or a mask is not as it should be.
    """
    data = source.read(record.photograph)
    width, height = reading.check_photograph(data, source.where(record.photograph))
    masks, digests = {}, {}
    for lesion, file in record.masks.items():
        mask_data = source.read(file)
        masks[lesion] = reading.read_mask(
            mask_data, source.where(file), (width, height)
        )
        digests[lesion] = _sha256(mask_data)
    bits = merging.to_bits(masks, (height, width))

    where = record.subset, record.name
    label_file = folder / layout.label_path(*where)
    mask_file = folder / layout.mask_path(*where)
    layout.write_bytes(folder / layout.photograph_path(*where), data)
    layout.write_label(label_file, merging.to_labels(bits))
    layout.write_png(mask_file, bits)

    counts = merging.count_lesions(bits)
    for lesion, count in counts.items():
        count.update(source=record.masks.get(lesion), sha256=digests.get(lesion))
    return dict(
        name=record.name,
        subset=record.subset,
        width=width,
        height=height,
        photograph=dict(
            source=record.photograph, sha256=_sha256(data), bytes=len(data)
        ),
        label_sha256=_sha256(label_file.read_bytes()),
        mask_sha256=_sha256(mask_file.read_bytes()),
        lesions=counts,
        overlaps=merging.count_overlaps(bits),
    )


def _find_earlier(source, plan, output, overwrite):
    """The manifest of an earlier conversion of the same files, if there is one."""
    output = Path(output)
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return None
    manifest = layout.read_manifest(output)
    if manifest is None:
        raise InputError(
            f'{output}: exists and is not a converted data set; choose another output'
        )
    expected, present = layout.expected_files(manifest), layout.present_files(output)
    if not overwrite:
        if expected - present:
            reason = 'is incomplete'
        elif manifest['layout'] != layout.LAYOUT_VERSION:
            reason = 'was made by another version of hacdr'
        elif _identity_of_manifest(manifest) != _identity_of_plan(source, plan):
            reason = 'was made from other files'
        else:
            return manifest
        raise InputError(
            f'{output}: holds a converted data set that {reason}; remove it or pass '
            '--overwrite'
        )
    foreign = sorted(present - expected)
    if foreign:
        raise InputError(
            f'{output}: holds {len(foreign)} files that the conversion did not write '
            f'({foreign[0]}); move them away before overwriting'
        )
    return None


def _identity_of_manifest(manifest):
    identity = {}
    for image in manifest['images']:
        digests = {
            lesion: count['sha256']
            for lesion, count in image['lesions'].items()
            if count['sha256']
        }
        key = image['subset'], image['name']
        identity[key] = image['photograph']['sha256'], digests
    return manifest['dataset'], manifest['splits'], identity


def _identity_of_plan(source, plan):
    identity = {}
    for record in plan.records:
        digests = {
            lesion: _sha256(source.read(file)) for lesion, file in record.masks.items()
        }
        photograph = _sha256(source.read(record.photograph))
        identity[record.subset, record.name] = photograph, digests
    splits = {split: len(names) for split, names in plan.splits.items()}
    return plan.dataset, splits, identity


def _convert_all(source, records, folder, jobs):
    """Entries of the manifest, in the order of the records."""
    bar = tqdm(total=len(records), desc='photographs', unit='photograph')
    entries = [None] * len(records)
    if jobs == 1:
        with bar:
            for index, record in enumerate(records):
                entries[index] = convert_record(source, record, folder)
                bar.update()
        return entries
    pool = ProcessPoolExecutor(
        min(jobs, len(records)), initializer=_start_worker, initargs=(source, folder)
    )
    with bar, pool:
        waiting = {
            pool.submit(_run_worker, record): index
            for index, record in enumerate(records)
        }
        try:
            for future in as_completed(waiting):
                entries[waiting[future]] = future.result()
                bar.update()
        except BrokenProcessPool as error:
            raise InputError(
                'a process was killed while converting, most likely for want of '
                f'memory; pass fewer --jobs than {jobs}'
            ) from error
        finally:
            # After an error or Ctrl-C, leaving the pool waits only for what runs.
            for future in waiting:
                future.cancel()
    return entries


def _start_worker(source, folder):
    global _worker_job
    _worker_job = source, folder
    # Ctrl-C is the parent's to handle: it lets the workers finish and cleans up.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _run_worker(record):
    source, folder = _worker_job
    return convert_record(source, record, folder)


def _sum_up(images):
    """Counts of a whole subset."""
    totals = {}
    for image in images:
        total = totals.setdefault(
            image['subset'],
            dict(
                photographs=0,
                background_pixels=0,
                lesions={
                    lesion: dict(masks=0, mask_pixels=0, label_pixels=0, components=0)
                    for lesion in merging.LESIONS
                },
                overlaps=dict.fromkeys(image['overlaps'], 0),
            ),
        )
        total['photographs'] += 1
        total['background_pixels'] += image['width'] * image['height']
        for lesion, count in image['lesions'].items():
            added = total['lesions'][lesion]
            added['masks'] += count['source'] is not None
            for key in ('mask_pixels', 'label_pixels', 'components'):
                added[key] += count[key]
            total['background_pixels'] -= count['label_pixels']
        for pair, pixels in image['overlaps'].items():
            total['overlaps'][pair] += pixels
    return totals


def _sha256(data):
    return hashlib.sha256(data).hexdigest()
