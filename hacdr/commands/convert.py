"""Convert a data set as downloaded, or check a conversion."""

import sys

from hacdr.conversion import READERS, check_conversion, convert, open_source
from hacdr.errors import InputError


def add_arguments(parser):
    parser.usage = (
        '%(prog)s DATASET SOURCE -o OUTPUT [options]  or  %(prog)s --check ROOT'
    )
    parser.add_argument(
        'dataset', nargs='?', choices=READERS, help=f'one of {", ".join(READERS)}'
    )
    parser.add_argument(
        'source',
        nargs='?',
        help='the download: a folder, the zip, or the first of its parts',
    )
    parser.add_argument('-o', '--output', help='folder to create')
    parser.add_argument(
        '--max-side',
        type=int,
        metavar='N',
        help='reduce photographs and masks that are longer than N pixels',
    )
    parser.add_argument(
        '--strict', action='store_true', help='fail where files are missing'
    )
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='convert everything anew and replace an earlier conversion',
    )
    parser.add_argument(
        '--jobs', type=int, help='processes; default: one for each core'
    )
    parser.add_argument(
        '--check', metavar='ROOT', help='verify the conversion in this folder instead'
    )


def run(args):
    if bool(args.check) == bool(args.source or args.output) or (
        bool(args.source) != bool(args.output)
    ):
        raise InputError('expected SOURCE and -o OUTPUT, or --check ROOT')
    if args.check:
        _check(args.check, args.jobs)
        return
    source = open_source(args.source)
    plan = READERS[args.dataset](source)
    if args.strict and plan.warnings:
        raise InputError(f'{args.source}: {"; ".join(plan.warnings)} (--strict)')
    for warning in plan.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    manifest, converted = convert(
        source, plan, args.output, args.overwrite, args.jobs, args.max_side
    )
    if converted is None:
        print(f'{args.output}: already converted from the same files, nothing to do')
        return
    print('\n'.join(_report(manifest)))
    unchanged = len(plan.records) - converted
    print(
        f'{args.output}: {converted} photographs converted'
        + (f', {unchanged} unchanged' if unchanged else '')
    )


def _check(root, jobs):
    photographs, problems = check_conversion(root, jobs)
    for problem in problems:
        print(problem)
    if problems:
        raise InputError(f'{root}: {len(problems)} problems, convert it again')
    print(f'{root}: {photographs} photographs checked, no problem')


def _report(manifest):
    """One table a subset: what the experts drew."""
    for subset, total in manifest['totals'].items():
        yield f'{subset}: {total["photographs"]} photographs'
        yield (
            f'{"lesion":>8} {"masks":>6} {"mask pixels":>12} '
            f'{"original components":>20} {"components":>11} {"kept as one pixel":>18}'
        )
        for lesion, count in total['lesions'].items():
            yield (
                f'{lesion:>8} {count["masks"]:>6} {count["mask_pixels"]:>12} '
                f'{count["original_components"]:>20} {count["components"]:>11} '
                f'{count["kept_as_one_pixel"]:>18}'
            )
