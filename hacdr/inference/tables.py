"""One table and one list of lesions for a folder of predictions."""

from __future__ import annotations

import csv
import json
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
# What a spreadsheet takes for the beginning of a formula.
FORMULA = '=', '+', '-', '@'
# Of a record, what findings.json does not repeat.
PRIVATE = 'made_by', 'experts'


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
    source = head.pop('source')
    with lock_folder(output):
        remove_unfinished(output / name for name in (HEAD, *SUMS))
        head['passed_over'], missing = read_parts(output)
        number = _write_findings(output / FINDINGS, head, _read(output, head))
        _write_table(output / TABLE, head, _read(output, head))
        for name in formats:
            FORMATS[name](output, head, lambda: _read(output, head), source)
    return head, number, missing


def discard_tables(output: Path) -> None:
    """Remove the tables of a folder whose predictions are about to change."""
    for name in SUMS:
        path = output / name
        if path.exists():
            path.unlink()


def _read(output, head):
    for record in read_records(output, head['made_by']):
        yield {key: value for key, value in record.items() if key not in PRIVATE}


def _write_findings(path, head, records):
    number = 0
    with atomic_write(path) as temporary, open(
        temporary, 'w', encoding='utf-8'
    ) as file:
        # The head ends in }, which the images come before.
        file.write(json.dumps(head, indent=2)[:-2] + ',\n  "images": [')
        for record in records:
            file.write(',\n' if number else '\n')
            file.write(json.dumps(record, separators=(',', ':')))
            number += 1
        file.write('\n  ]\n}\n')
    return number


def _write_table(path, head, records):
    lesions = head['classes'][1:]
    columns = [f'{lesion}_{figure}' for lesion in lesions for figure in FIGURES]
    first, last = ('image', 'width', 'height', 'fov_area'), ('warnings', 'notes')
    # Spreadsheets take a file without a mark for the old code page of their system.
    with atomic_write(path) as temporary, open(
        temporary, 'w', encoding='utf-8-sig', newline=''
    ) as file:
        writer = csv.writer(file)
        writer.writerow([*first, *columns, *last, 'passed_over'])
        for record in records:
            figures = [record['lesions'][lesion] for lesion in lesions]
            writer.writerow(
                [
                    _as_text(record['image']),
                    *(record[name] for name in first[1:]),
                    *(_as_number(one[name]) for one in figures for name in FIGURES),
                    *(_as_text('; '.join(record[name])) for name in last),
                    '',
                ]
            )
        for entry in head['passed_over']:
            empty = [''] * (len(first) - 1 + len(columns) + len(last))
            writer.writerow(
                [_as_text(entry['image']), *empty, _as_text(entry['reason'])]
            )


def _as_text(text):
    """Return a cell that a spreadsheet shows and does not compute."""
    text = printable(text)
    return f"'{text}" if text.lstrip().startswith(FORMULA) else text


def _as_number(value):
    """Return decimals without an exponent; nothing for None."""
    if isinstance(value, float):
        return f'{value:.8f}'.rstrip('0').rstrip('.')
    return value
