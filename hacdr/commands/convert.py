"""Convert a data set for training, or check a conversion.

DATASET is a published one, as downloaded (a folder, a zip, its parts), or how
lesions are marked in data of one's own, a folder or a zip (docs/own_data.md):
  masks        a folder of masks for each lesion, called as the lesion is
  label_maps   one label map a photograph; --classes says which value is what
  coco         COCO files (.json) with polygons or runs
  labelme      a LabelMe file (.json) for each photograph
"""

import os
import sys
from pathlib import Path

from hacdr.conversion import (
    OWN_READERS,
    READERS,
    Options,
    check_conversion,
    convert,
    open_source,
)
from hacdr.errors import InputError, counted, first_few, printable


def add_arguments(parser):
    parser.usage = (
        '%(prog)s DATASET SOURCE -o OUTPUT [options]\n       %(prog)s --check ROOT'
    )
    parser.add_argument(
        'dataset',
        nargs='?',
        choices=[*READERS, *OWN_READERS],
        metavar='DATASET',
        help=f"published: {', '.join(READERS)}; data of one's own: see above",
    )
    parser.add_argument(
        'source',
        nargs='?',
        metavar='SOURCE',
        help='a folder, a zip, or the first of the parts of one',
    )
    parser.add_argument('-o', '--output', help='folder to create')
    parser.add_argument(
        '--max-side',
        type=int,
        metavar='N',
        help='reduce photographs and masks that are longer than N pixels',
    )
    parser.add_argument(
        '--strict',
        action='store_true',
        help='fail where files are missing',
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
    own = parser.add_argument_group("data of one's own")
    own.add_argument(
        '--classes',
        nargs='+',
        default=(),
        metavar='CLASS[=WORD]',
        help='what there is to learn, and the folder, label, value or colour (#ff0000) '
        "that means it; 'ignored' and 'background' are classes too; default: EX, HE, "
        'SE, MA, by their usual names, as far as they are there',
    )
    own.add_argument(
        '--photographs',
        metavar='FOLDER',
        help='name of the folders that photographs are in '
        '(default: images, if there is one)',
    )
    own.add_argument(
        '--labels',
        default=Options().labels,
        metavar='FOLDER',
        help='name of the folders that label maps are in (default: %(default)s)',
    )
    own.add_argument(
        '--soft-masks', action='store_true', help='masks are grey: lesion from 128 on'
    )
    own.add_argument(
        '--patient',
        metavar='REGEX',
        help='what tells the patient in a photograph\'s name, in a group: "(.*)_.*"',
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
    plan = _plan(source, args)
    if args.strict and plan.warnings:
        raise InputError(f'{args.source}: {"; ".join(plan.warnings)} (--strict)')
    for warning in plan.warnings:
        print(f'warning: {printable(warning)}', file=sys.stderr)
    manifest, converted = convert(
        source, plan, args.output, args.overwrite, args.jobs, args.max_side
    )
    if converted is None:
        print(f'{args.output}: already converted from the same files, nothing to do')
        return
    print('\n'.join([*_report(manifest), *plan.notes, *_photograph_notes(manifest)]))
    for warning in manifest['warnings'][len(plan.warnings) :]:
        print(f'warning: {printable(warning)}', file=sys.stderr)
    unchanged = len(plan.records) - converted
    print(
        f'{args.output}: {counted(converted, "photograph")} converted'
        + (f', {unchanged} unchanged' if unchanged else '')
    )


def _plan(source, args):
    options = Options(
        classes=tuple(args.classes),
        photographs=args.photographs,
        labels=args.labels,
        patient=args.patient,
        soft_masks=args.soft_masks,
    )
    if args.dataset in OWN_READERS:
        output = Path(os.path.realpath(args.output))
        if Path(os.path.realpath(source.path)) in (output, *output.parents):
            raise InputError(
                f'{args.output}: lies in {args.source}, where the next run would take '
                'what it holds for photographs; choose another output'
            )
        return OWN_READERS[args.dataset](source, options)
    for name, value in options._asdict().items():
        if value != getattr(Options(), name):
            raise InputError(
                f"--{name.replace('_', '-')} is for data of one's own "
                f'({", ".join(OWN_READERS)}), not for {args.dataset}'
            )
    return READERS[args.dataset](source)


def _photograph_notes(manifest):
    """What was scaled or assumed to read the photographs, a line for each kind."""
    names = {}
    for image in manifest['images']:
        for note in image['photograph'].get('notes', ()):
            names.setdefault(note, []).append(image['name'])
    for note, found in names.items():
        yield f'{note}: {first_few(found)}'


def _check(root, jobs):
    photographs, problems = check_conversion(root, jobs)
    for problem in problems:
        print(printable(problem))
    if problems:
        raise InputError(
            f'{root}: {counted(len(problems), "problem")}, convert it again'
        )
    print(f'{root}: {counted(photographs, "photograph")} checked, no problem')


def _report(manifest):
    """One table a subset: what the experts drew."""
    for subset, total in manifest['totals'].items():
        yield f'{subset}: {counted(total["photographs"], "photograph")}'
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
