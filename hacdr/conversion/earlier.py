"""What an earlier conversion left, and what of it can stay."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from hacdr.conversion import layout
from hacdr.conversion.plan import Plan
from hacdr.conversion.sources import Source, is_added_by_system
from hacdr.errors import InputError, counted
from hacdr.files import file_sha256, sha256
from hacdr.parallel import for_each


def find_earlier(
    plan: Plan, output: Path, overwrite: bool, max_side: int | None
) -> dict | None:
    """Find an earlier conversion that may be continued or replaced.

    Args:
        plan (Plan): what is to be converted.
        output (Path): where to.
        overwrite (bool): whether another data set may be replaced.
        max_side (int | None): as it is to be converted.

    Returns:
        dict | None: its manifest; None where ``output`` is free.

    Raises:
        InputError: something else is there.
    """
    if not output.exists() or (output.is_dir() and _is_empty(output)):
        return None
    manifest = layout.read_manifest(output)
    if manifest is None:
        raise InputError(
            f'{output}: exists and is not a converted data set; choose another output'
        )
    if manifest['layout'] != layout.LAYOUT_VERSION:
        raise InputError(
            f'{output}: holds a data set converted by another version of hacdr; '
            'remove it or choose another output'
        )
    if overwrite:
        return manifest
    names = {record.name for record in plan.records}
    gone = [image['name'] for image in manifest['images'] if image['name'] not in names]
    if manifest['dataset'] != plan.dataset:
        other = f'{manifest["dataset"]} and not {plan.dataset}'
    elif manifest['max_side'] != max_side:
        other = f'a conversion with max_side {manifest["max_side"]}, not {max_side}'
    elif layout.classes_of(manifest) != [*plan.classes]:
        other = f'the classes {", ".join(layout.classes_of(manifest)[1:])}'
    elif manifest.get('read_as') != plan.read_as:
        other = 'a conversion of which the masks were read in another way'
    elif gone:
        other = f'{counted(len(gone), "photograph")} that the source lacks ({gone[0]})'
    else:
        return manifest
    raise InputError(
        f'{output}: holds {other}; choose another output or pass --overwrite'
    )


def find_unchanged(
    source: Source, plan: Plan, earlier: dict, output: Path, jobs: int | None
) -> dict[str, dict]:
    """Find what need not be converted again.

    Args:
        source (Source): what the plan was made from.
        plan (Plan): what is to be converted.
        earlier (dict): manifest of the earlier conversion.
        output (Path): its root.
        jobs (int | None): processes.

    Returns:
        Dict[str, dict]: name -> entry of the manifest.
    """
    images = {(image['subset'], image['name']): image for image in earlier['images']}
    again = [r for r in plan.records if (r.subset, r.name) in images]
    entries = [images[record.subset, record.name] for record in again]
    work = partial(_is_unchanged, source, plan, output)
    unchanged = for_each(work, list(zip(again, entries)), jobs, 'comparing')
    kept = {}
    for record, image, same in zip(again, entries, unchanged):
        if same:
            kept[record.name] = image
            # The same files may lie elsewhere now.
            image['photograph']['source'] = record.photograph
            for lesion, count in image['lesions'].items():
                count['source'] = record.masks.get(lesion)
    return kept


def _is_unchanged(source, plan, output, task):
    """Whether a photograph's files, there and here, are those of its entry."""
    record, image = task
    drawn = {lesion for lesion, count in image['lesions'].items() if count['sha256']}
    if drawn != {*record.masks}:
        return False
    there = {record.photograph: image['photograph']['sha256']}
    for lesion, file in record.masks.items():
        there[file] = image['lesions'][lesion]['sha256']
    here = layout.image_files(image, plan.photograph_format)
    return all(
        (plan.digests.get(file) or sha256(source.read(file))) == digest
        for file, digest in there.items()
    ) and all(_sha256_of_file(output / path) == here[path] for path in here)


def same_splits(splits: dict[str, list[str]], earlier: dict, output: Path) -> bool:
    """Whether the lists of an earlier conversion are these (split -> names)."""
    if {*splits} != {*earlier['splits']}:
        return False
    try:
        return all(
            (output / layout.split_path(split)).read_bytes() == layout.split_text(names)
            for split, names in splits.items()
        )
    except OSError:
        return False


def refuse_unknown_files(manifest: dict, output: Path) -> None:
    """Refuse to replace a folder that holds what no conversion wrote.

    Raises:
        InputError: it does.
    """
    # What somebody else hid there, a .git, would be lost with the folder.
    present = layout.present_files(output, passed_over=is_added_by_system)
    unknown = sorted(present - layout.expected_files(manifest))
    if unknown:
        raise InputError(
            f'{output}: holds {len(unknown)} files that the conversion did not write '
            f'({unknown[0]}); move them away first'
        )


def _is_empty(folder):
    return all(
        is_added_by_system(path.name) and not path.is_dir() for path in folder.iterdir()
    )


def _sha256_of_file(path):
    return file_sha256(path) if path.is_file() else None
