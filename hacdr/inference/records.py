"""What a folder of predictions knows of itself.

``predictions.json`` says whose it is: what made the predictions, by content, and the
names and colours of the classes. ``records/NAME.json`` stands for the photograph whose
label map is ``NAME.png``; it is written when all else of the photograph is there, and
goes before any of that is replaced. What has no record that fits is not done: so a run
that was killed goes on, and a photograph or a network that changed is noticed, without
a look at times or at how paths are spelled. ``parts/K_of_N.json`` is there where the
Kth of N parts of a run has ended, and says of which photographs the run is and what the
part passed over. A run, or a part of one, is alone in its folder: ``.lock``,
``.lock_K_of_N``.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterable, Iterator

from hacdr.errors import InputError
from hacdr.files import (
    LOCK,
    lock_folder,
    make_folder,
    remove_unfinished,
    sha256,
    write_text,
)

HEAD = 'predictions.json'
RECORDS = 'records'
PARTS = 'parts'
# Of the format of these files and of findings.json.
VERSION = 1
HEAD_KEYS = 'version', 'made_by', 'classes', 'colours', 'thresholds'
RECORD_KEYS = (
    *('image', 'output', 'source', 'sha256', 'experts', 'made_by'),
    *('width', 'height', 'fov_area', 'lesions', 'notes', 'warnings', 'findings'),
)
PART_KEYS = 'photographs', 'passed_over'


@contextmanager
def hold_folder(output: Path, shard: tuple[int, int] = (1, 1)) -> Iterator[None]:
    """Make a folder, and keep out of it whoever would write the same files.

    Args:
        output (Path): folder of predictions.
        shard (Tuple[int, int]): number of the part, and of all.

    Raises:
        InputError: it is a file or in one, or another run is at work in it.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f'{output}: is a file or in one, expected a folder for the results'
        ) from error
    except FileNotFoundError as error:
        # Such as /proc.
        raise InputError(f'{output}: folder cannot be made') from error
    if shard == (1, 1):
        with lock_folder(output):
            yield
    else:
        name = '{}_{}_of_{}'.format(LOCK, *shard)
        with lock_folder(output, shared=True), lock_folder(output, name):
            yield


def claim_folder(
    output: Path, head: dict, overwrite: bool = False, files: Iterable[str] = ()
) -> None:
    """Make a folder that of some predictions; what others left there is not done.

    Args:
        output (Path): the folder, see :func:`hold_folder`.
        head (dict): 'made_by' (plain values that tell the predictions from others'),
            'classes', 'colours', 'thresholds'.
        overwrite (bool): take the folder from others.
        files (Iterable[str]): what is to be written, as paths in the folder; where no
            predictions are in it, they must not be there.

    Raises:
        InputError: it holds other predictions, or files of something else, or what
            tells whose predictions it holds is damaged.
    """
    path = output / HEAD
    if not path.exists() and not overwrite:
        for file in files:
            if os.path.exists(output / file):
                raise InputError(
                    f'{output / file}: is there, and not of hacdr predict; expected '
                    'another folder, or --overwrite'
                )
    if path.exists() and not overwrite:
        before = (_read(path) or {}).get('made_by')
        if not isinstance(before, dict):
            raise InputError(
                f'{path}: damaged, so that nothing tells what made the predictions; '
                'expected another folder, or --overwrite'
            )
        differences = [
            key for key, value in head['made_by'].items() if before.get(key) != value
        ]
        if differences:
            raise InputError(
                f'{output}: holds other predictions ({_join(differences)} '
                f'{"differs" if len(differences) == 1 else "differ"}); expected '
                'another folder, or --overwrite'
            )
    head = {'version': VERSION, **head}
    # Parts that begin at once do not get into each other's way.
    if _read(path) != head:
        write_text(path, json.dumps(head, indent=2) + '\n')


def read_head(output: Path) -> dict:
    """Return what :func:`claim_folder` was given, and 'version'.

    Args:
        output (Path): a folder of predictions.

    Raises:
        InputError: it is none, or of another version.
    """
    path = output / HEAD
    if not path.is_file():
        raise InputError(f'{path}: no such file, expected a folder of hacdr predict')
    head = _read(path, HEAD_KEYS)
    if head is None or head['version'] != VERSION:
        raise InputError(f'{path}: damaged or of another version, expected {VERSION}')
    return head


def digest(content: dict | list) -> str:
    """Return a sha256 of plain values: records name by it what made them."""
    text = json.dumps(content, sort_keys=True)
    return sha256(text.encode())


def record_path(output: Path, name: str) -> Path:
    """Return the file of a record; name: as of the label map, without the suffix."""
    return output / RECORDS / f'{name}.json'


def label_map_path(folder: Path, name: str) -> Path:
    """Return the file of a label map in a folder, predicted or the experts'."""
    return folder / f'{name}.png'


def read_record(output: Path, name: str) -> dict | None:
    """Return a record; None where there is none, or no whole one."""
    return _read(record_path(output, name), RECORD_KEYS)


def write_record(output: Path, record: dict) -> None:
    """Write a record.

    Args:
        output (Path): folder of predictions.
        record (dict): 'output' is its name, 'made_by' a :func:`digest`.
    """
    path = record_path(output, record['output'])
    make_folder(path.parent)
    write_text(path, json.dumps(record, separators=(',', ':')))


def read_records(output: Path, made_by: dict) -> Iterator[dict]:
    """Go through the records of a folder, one at a time, sorted by name.

    Args:
        output (Path): folder of predictions.
        made_by (dict): others' records are left out.

    Yields:
        dict: see :func:`hacdr.inference.folder.predict_folder`.

    Raises:
        InputError: after the last one, where a record is damaged or the label map it
            stands for is missing: a table would lack the photograph without a word.
    """
    folder = output / RECORDS
    own = digest(made_by)
    number, faults = 0, []
    for path in sorted(folder.rglob('*.json')):
        if path.name.startswith('.'):
            continue
        record = _read(path) or {}
        if record.get('made_by', own) != own:
            continue
        number += 1
        if not {*RECORD_KEYS} <= {*record}:
            faults.append(f'{path}: damaged')
            continue
        label_map = label_map_path(output, record['output'])
        if label_map.is_file():
            yield record
        else:
            faults.append(f'{label_map}: no such file')
    if faults:
        raise InputError(
            f'{faults[0]}; of {number} records {len(faults)} damaged or without label '
            'map, expected none: hacdr predict does these photographs anew; without '
            'their records they are left out'
        )


def begin_part(output: Path, shard: tuple[int, int], photographs: str) -> None:
    """Note that a part of a run has not ended.

    Args:
        output (Path): folder of predictions.
        shard (Tuple[int, int]): number of the part, and of all.
        photographs (str): a :func:`digest` that all parts of the run have in common.
    """
    remove_unfinished([_part_path(output, shard)])
    for path, part, parts in _parts(output):
        # Of an earlier run, the parts that are still to come would seem to have ended.
        others = (_read(path) or {}).get('photographs') != photographs
        if (part, parts) == shard or parts != shard[1] or others:
            path.unlink(missing_ok=True)


def end_part(
    output: Path, shard: tuple[int, int], photographs: str, passed_over: list[dict]
) -> None:
    """Note that a part of a run has ended.

    Args:
        output (Path): folder of predictions.
        shard (Tuple[int, int]): number of the part, and of all.
        photographs (str): as :func:`begin_part`.
        passed_over (List[dict]): 'image' and 'reason' of each that was not predicted.
    """
    path = _part_path(output, shard)
    make_folder(path.parent)
    content = {'photographs': photographs, 'passed_over': passed_over}
    write_text(path, json.dumps(content, indent=2) + '\n')


def read_parts(output: Path) -> tuple[list[dict], list[str]]:
    """Return what the parts of a run passed over, and which have not ended.

    Args:
        output (Path): folder of predictions.

    Returns:
        Tuple[List[dict], List[str]]: entries as in :func:`end_part`, sorted; '2 of 8'
        for each part that is missing, all of them where some are of one run and some
        of another.
    """
    found = [
        (part, parts, _read(path, PART_KEYS)) for path, part, parts in _parts(output)
    ]
    runs = {content['photographs'] for *_, content in found if content}
    ended = {part for part, _, content in found if content and len(runs) == 1}
    count = max((parts for _, parts, _ in found), default=1)
    missing = [f'{k} of {count}' for k in range(1, count + 1) if k not in ended]
    entries = [e for *_, content in found if content for e in content['passed_over']]
    return sorted(entries, key=lambda entry: entry['image']), missing


def _part_path(output, shard):
    return output / PARTS / '{}_of_{}.json'.format(*shard)


def _parts(output):
    """Return file, part and number of parts for each that has ended."""
    matches = [
        (path, re.fullmatch(r'(\d+)_of_(\d+)\.json', path.name))
        for path in (output / PARTS).glob('*.json')
    ]
    return [(path, int(m[1]), int(m[2])) for path, m in matches if m]


def _read(path, keys=()):
    """Return what a file of ours holds; None where it is missing, damaged, or lacks one
    of the keys."""
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return content if isinstance(content, dict) and {*keys} <= {*content} else None


def _join(names):
    return names[0] if len(names) == 1 else f'{", ".join(names[:-1])} and {names[-1]}'
