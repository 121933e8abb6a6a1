"""Make table and gallery of what hacdr predict --shard wrote.

Also to have the findings in another format, without predicting again.
"""

from pathlib import Path

from hacdr.errors import InputError, counted, printable
from hacdr.inference.formats import FORMATS
from hacdr.inference.records import read_records
from hacdr.inference.tables import TABLE, join_tables
from hacdr.report.gallery import write_gallery


def add_arguments(parser):
    parser.add_argument('output', help='folder that hacdr predict wrote')
    add_format(parser)


def add_format(parser):
    """Add ``--format``."""
    parser.add_argument(
        '--format',
        nargs='+',
        choices=[*FORMATS],
        metavar='FORMAT',
        default=[],
        help='write outlines for annotation tools too: coco (coco.json), labelme '
        '(labelme/NAME.json), geojson (geojson/NAME.geojson)',
    )


def run(args):
    missing = join(args.output, args.format)
    if missing:
        raise InputError(
            f'{args.output}: part {", ".join(missing)} of the run has not ended; the '
            'table lacks its photographs'
        )


def join(output, formats):
    """Write the tables of a folder of predictions and its gallery, and say where.

    Returns:
        List[str]: parts of the run that have not ended.
    """
    output = Path(output)
    head, number, missing = join_tables(output, formats)
    page = write_gallery(output, head, read_records(output, head['made_by']))
    found = counted(number, 'photograph')
    print(printable(f'findings of {found}: {output / TABLE}'))
    print(printable(f'to look through them: {page}'))
    return missing
