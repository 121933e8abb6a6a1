"""One table and one list of lesions for a folder of predictions."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Sequence

from hacdr.errors import printable
from hacdr.files import atomic_write, lock_folder, remove_unfinished
from hacdr.inference.formats import COCO, FORMATS
from hacdr.inference.records import HEAD, read_head, read_parts, read_records

TABLE = 'findings.csv'
FINDINGS = 'findings.json'
# Of hacdr.report.gallery, which shows what stands in the table.
PAGE = 'index.html'
# What adds up all photographs.
SUMS = TABLE, FINDINGS, COCO, PAGE
FIGURES = 'number', 'area', 'share', 'largest', 'mean_probability'
# Where a spreadsheet would see a formula begin, whatever parts its cells: =, +, -, @,
# and these in full width.
FORMULA = re.compile(r'(^|[;,])(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20])')
# Of a record, what findings.json does not repeat.
PRIVATE = 'made_by', 'experts', 'source'


def join_tables(
    output: str | Path, formats: Sequence[str] = ()
) -> tuple[dict, int, list[str]]:
    """Write findings.csv and findings.json from the records of a folder.

    Records are read one at a time: a folder of thousands takes no more memory than one
    of ten.

    Args:
        output (str | Path): folder of predictions.
        formats (Sequence[str]): keys of :data:`~hacdr.inference.formats.FORMATS`, to be
            written too.

    Returns:
        Tuple[dict, int, List[str]]: findings.json without its images, how many these
        are, and '2 of 8' for each part of a run that has not ended.

    Raises:
        InputError: not a folder of predictions, a run is at work in it, or a record is
            damaged or without its label map; tables that are there stay as they are.
    """
    output = Path(output)
    head = read_head(output)
    with lock_folder(output):
        remove_unfinished(output / name for name in (HEAD, *SUMS))
        head['passed_over'], missing = read_parts(output)
        read_images = partial(read_records, output, head['made_by'])
        number = _write_findings(output / FINDINGS, head, read_images())
        _write_table(output / TABLE, head, read_images())
        for name in formats:
            FORMATS[name](output, head, read_images)
    return head, number, missing


def discard_tables(output: Path) -> None:
    """Remove the tables of a folder whose predictions are about to change."""
    for name in SUMS:
        (output / name).unlink(missing_ok=True)


def _write_findings(path, head, records):
    number = 0
    with atomic_write(path) as temporary, open(
        temporary, 'w', encoding='utf-8'
    ) as file:
        # The head ends in }, which the images come before.
        file.write(json.dumps(head, indent=2)[:-2] + ',\n  "images": [')
        for record in records:
            image = {key: record[key] for key in record if key not in PRIVATE}
            file.write(',\n' if number else '\n')
            file.write(json.dumps(image, separators=(',', ':')))
            number += 1
        file.write('\n  ]\n}\n')
    return number


def _write_table(path, head, records):
    lesions = head['classes'][1:]
    columns = [f'{lesion}_{figure}' for lesion in lesions for figure in FIGURES]
    first, last = ('image', 'width', 'height', 'fov_area'), ('warnings', 'notes')
    reasons = {entry['image']: entry['reason'] for entry in head['passed_over']}
    # Spreadsheets take a file without a mark for the old code page of their system.
    with atomic_write(path) as temporary, open(
        temporary, 'w', encoding='utf-8-sig', newline=''
    ) as file:
        _write_row(file, map(_as_text, [*first, *columns, *last, 'passed_over']))
        for record in records:
            figures = [record['lesions'][lesion] for lesion in lesions]
            cells = [
                _as_text(record['image']),
                *(_as_number(record[name]) for name in first[1:]),
                *(_as_number(one[name]) for one in figures for name in FIGURES),
                *(_as_text('; '.join(record[name])) for name in last),
                # It has a prediction of an earlier run.
                _as_text(reasons.pop(record['image'], '')),
            ]
            _write_row(file, cells)
        for image, reason in reasons.items():
            empty = [''] * (len(first) - 1 + len(columns) + len(last))
            _write_row(file, [_as_text(image), *empty, _as_text(reason)])


def _write_row(file, cells):
    file.write(','.join(cells) + '\r\n')


def _as_text(text):
    """Return a cell that a spreadsheet shows and does not compute."""
    text = FORMULA.sub(r"\1'", printable(text)).replace('"', '""')
    # In quotes, so that other separators do not cut it.
    return f'"{text}"' if text else ''


def _as_number(value):
    """Return a cell of decimals without an exponent; an empty one for None."""
    if isinstance(value, float):
        return f'{value:.8f}'.rstrip('0').rstrip('.')
    return '' if value is None else str(value)
