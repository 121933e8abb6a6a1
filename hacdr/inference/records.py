"""What a folder of predictions knows of itself.

``predictions.json`` says whose it is: what made the predictions, by content, and the
names and colours of the classes. ``records/NAME.json`` stands for the photograph whose
label map is ``NAME.png``; it is written when all else of the photograph is there, and
goes before any of that is replaced. What has no record that fits is not done: so a run
that was killed goes on, and a photograph or a network that changed is noticed, without
a look at times or at how paths are spelled.
"""

import hashlib
import json
import re

from hacdr.errors import InputError
from hacdr.files import write_text

HEAD = 'predictions.json'
RECORDS = 'records'
PASSED_OVER = 'passed_over'
# Of the format of these files and of findings.json.
VERSION = 1


def claim_folder(output, head, overwrite=False):
    """Make a folder that of some predictions; what others left there is not done.

    Args:
        output (Path): the folder; made where it is missing.
        head (dict): 'made_by' (plain values that tell the predictions from others'),
            'classes', 'colours', 'thresholds', 'source'. Source alone may change.
        overwrite (bool): take the folder from others.

    Raises:
        InputError: it is a file, or holds other predictions.
    """
    if output.exists() and not output.is_dir():
        raise InputError(f'{output}: is a file, expected a folder for the results')
    output.mkdir(parents=True, exist_ok=True)
    path = output / HEAD
    if path.exists() and not overwrite:
        before = _read(path)
        differences = [
            key
            for key in head['made_by']
            if (before or {}).get('made_by', {}).get(key) != head['made_by'][key]
        ]
        if differences:
            raise InputError(
                f'{output}: holds other predictions ({_join(differences)} '
                f'{"differs" if len(differences) == 1 else "differ"}); expected '
                'another folder, or --overwrite'
            )
    write_text(path, json.dumps({'version': VERSION, **head}, indent=2) + '\n')


def read_head(output):
    """Return what :func:`claim_folder` was given, and 'version'.

    Args:
        output (Path): a folder of predictions.

    Raises:
        InputError: it is none, or of another version.
    """
    path = output / HEAD
    if not path.is_file():
        raise InputError(f'{path}: no such file, expected a folder of hacdr predict')
    head = _read(path)
    if head is None or head.get('version') != VERSION:
        raise InputError(f'{path}: damaged or of another version, expected {VERSION}')
    return head


def digest(made_by):
    """Return the sha256 by which records name what made them."""
    text = json.dumps(made_by, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def record_path(output, name):
    """Return the file of a record; name: as of the label map, without the suffix."""
    return output / RECORDS / f'{name}.json'


def read_record(output, name):
    """Return a record; None where there is none, or no whole one."""
    return _read(record_path(output, name))


def write_record(output, record):
    """Write a record.

    Args:
        output (Path): folder of predictions.
        record (dict): 'output' is its name, 'made_by' a :func:`digest`.
    """
    path = record_path(output, record['output'])
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(record, separators=(',', ':')))


def read_records(output, made_by):
    """Go through the records of a folder, one at a time, sorted by name.

    Args:
        output (Path): folder of predictions.
        made_by (dict): others' records are left out.

    Yields:
        dict: see :func:`hacdr.inference.folder.predict_folder`.
    """
    folder = output / RECORDS
    own = digest(made_by)
    for path in sorted(folder.rglob('*.json')):
        record = None if path.name.startswith('.') else _read(path)
        if record is not None and record.get('made_by') == own:
            yield record


def write_passed_over(output, entries, shard=(1, 1)):
    """Note which photographs a run passed over.

    Args:
        output (Path): folder of predictions.
        entries (List[dict]): 'image' and 'reason'.
        shard (Tuple[int, int]): number of this part of the run, and of all.
    """
    for path in output.glob(f'{PASSED_OVER}_*_of_*.json'):
        # A former run was cut into other parts.
        if not path.stem.endswith(f'_of_{shard[1]}'):
            path.unlink()
    path = output / '{}_{}_of_{}.json'.format(PASSED_OVER, *shard)
    if entries:
        write_text(path, json.dumps(entries, indent=2) + '\n')
    elif path.exists():
        path.unlink()


def read_passed_over(output):
    """Return the entries of all parts of a run, sorted by image."""
    paths = output.glob(f'{PASSED_OVER}_*_of_*.json')
    entries = [entry for path in paths for entry in _read(path) or []]
    return sorted(entries, key=lambda entry: entry['image'])


def remove_leftovers(output, files):
    """Remove what a killed run left of files that it was writing.

    Args:
        output (Path): folder of predictions.
        files (Iterable[str]): paths in it that nobody else writes now.
    """
    names = {}
    for file in files:
        path = output / file
        names.setdefault(path.parent, set()).add(path.name)
    for folder, own in names.items():
        for path in folder.glob('.*.tmp'):
            match = re.fullmatch(r'\.(.+)\.\d+\.tmp', path.name)
            if match and match[1] in own:
                path.unlink()


def _read(path):
    try:
        return json.loads(path.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _join(names):
    return names[0] if len(names) == 1 else f'{", ".join(names[:-1])} and {names[-1]}'
