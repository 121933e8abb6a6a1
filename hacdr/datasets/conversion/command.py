"""What the converters' command lines share."""

import argparse
import sys

from hacdr.datasets.conversion.convert import convert
from hacdr.datasets.conversion.sources import open_source
from hacdr.errors import InputError


def convert_command(read, description):
    """Parse the arguments, convert, report.

    Args:
        read (callable): the data set's reader, source -> Plan.
        description (str): what ``--help`` says first.

    Raises:
        InputError: as :func:`convert`; with ``--strict`` also for what would
            otherwise be a warning.
    """
    args = _parse_args(description)
    source = open_source(args.source)
    plan = read(source)
    if args.strict and plan.warnings:
        raise InputError(f'{args.source}: {"; ".join(plan.warnings)} (--strict)')
    for warning in plan.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    manifest, written = convert(source, plan, args.output, args.overwrite, args.jobs)
    if written:
        print('\n'.join(_report(manifest)))
        print(f'{len(plan.records)} photographs are in {args.output}')
    else:
        print(f'{args.output}: already converted from the same files, nothing to do')


def _parse_args(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('source', help='the download: a folder or the zip')
    parser.add_argument('-o', '--output', required=True, help='folder to create')
    parser.add_argument(
        '--strict', action='store_true', help='fail where files are missing'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='convert anew and replace an earlier conversion',
    )
    parser.add_argument(
        '--jobs', type=int, help='processes; default: one for each core'
    )
    return parser.parse_args()


def _report(manifest):
    """One table a subset: what the experts drew."""
    for subset, total in manifest['totals'].items():
        yield f'{subset}: {total["photographs"]} photographs'
        yield f'{"lesion":>8} {"masks":>6} {"mask pixels":>12} {"components":>11}'
        for lesion, count in total['lesions'].items():
            yield (
                f'{lesion:>8} {count["masks"]:>6} {count["mask_pixels"]:>12} '
                f'{count["components"]:>11}'
            )
