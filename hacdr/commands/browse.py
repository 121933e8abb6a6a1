"""Draw contact sheets of a data set.

Photographs with the outlines of their lesions, and counts. Of a converted data set they
show what the experts drew; of a config what its training pipeline makes of it, random
crops and colours included.
"""

import io
import re
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hacdr.conversion.layout import refuse_data_set
from hacdr.errors import InputError, counted, printable
from hacdr.files import make_folder, open_file, write_bytes
from hacdr.progress import progress_bar

# What tells a sheet from files of others: the chunk after the header of its PNG.
MARK, MARK_END = b'tEXtSoftware\0hacdr browse', 64


def add_arguments(parser):
    parser.add_argument(
        'source', type=Path, help='folder of a converted data set, or a config (.py)'
    )
    parser.add_argument(
        '-o',
        '--output',
        type=Path,
        default=Path('work_dirs/browse'),
        help='folder for sheet_1.png, ... (default: work_dirs/browse)',
    )
    parser.add_argument(
        '--split', default='trainval', help='of a folder (default: trainval)'
    )
    parser.add_argument('--number', type=int, default=9, help='photographs, default: 9')
    parser.add_argument(
        '--draws', type=int, default=1, help='of a config: samples a photograph'
    )
    parser.add_argument('--seed', type=int, default=0, help='of a config: draws')
    parser.add_argument('--columns', type=int, default=3, help='default: 3')
    parser.add_argument('--rows', type=int, default=3, help='of a sheet, default: 3')
    parser.add_argument(
        '--width', type=int, default=640, help='of a panel, pixels (default: 640)'
    )
    parser.add_argument('--show', action='store_true', help='open a window as well')


def check(args):
    for name in ('number', 'draws', 'columns', 'rows'):
        if getattr(args, name) < 1:
            raise InputError(f'--{name} must be at least 1, got {getattr(args, name)}')
    if args.width < 100:
        raise InputError(f'--width must be at least 100, got {args.width}')
    refuse_data_set(args.output)


def run(args):
    from hacdr.engine.config import check_config, load_config
    from hacdr.report.contact_sheets import converted_samples, pipeline_samples

    earlier = _find_earlier(args.output)
    number = args.number
    if args.source.is_dir():
        samples = converted_samples(args.source, args.split, number)
    else:
        cfg = load_config(str(args.source))
        check_config(cfg)
        samples = pipeline_samples(cfg, number, args.draws, args.seed)
        number *= args.draws
    each = args.columns * args.rows
    group, sheets = [], []
    with progress_bar(samples, desc='samples', total=number, leave=False) as bar:
        for sample in bar:
            group.append(sample)
            if len(group) == each:
                sheets.append(_write_sheet(args, group, len(sheets) + 1))
                group = []
    if group:
        sheets.append(_write_sheet(args, group, len(sheets) + 1))
    # Of another set perhaps.
    for path in {*earlier} - {*sheets}:
        path.unlink()
    print(printable(f'{args.output}: {counted(len(sheets), "contact sheet")}'))
    if args.show:
        _show(sheets)


def _find_earlier(folder):
    """Return the sheets of an earlier run; InputError where one is not ours."""
    paths = [
        path
        for path in sorted(folder.glob('sheet_*.png'))
        if re.fullmatch(r'sheet_\d+', path.stem)
    ]
    for path in paths:
        with open_file(path) as file:
            if MARK not in file.read(MARK_END):
                raise InputError(
                    f'{path}: is there, and not of hacdr browse; expected another '
                    'folder'
                )
    return paths


def _write_sheet(args, samples, number):
    """Draw a sheet, write it and return its path."""
    from hacdr.report.contact_sheets import contact_sheet

    path = args.output / f'sheet_{number}.png'
    sheet = contact_sheet(samples, args.columns, args.width)
    make_folder(args.output)
    made_by = PngInfo()
    made_by.add_text('Software', 'hacdr browse')
    file = io.BytesIO()
    Image.fromarray(sheet[..., ::-1]).save(file, 'PNG', pnginfo=made_by)
    write_bytes(path, file.getvalue())
    return path


def _show(sheets):
    import matplotlib
    from matplotlib import pyplot

    if matplotlib.get_backend().lower() == 'agg':
        raise InputError('--show: there is no display here; look at the PNG files')
    for path in sheets:
        pyplot.figure(path.name)
        pyplot.imshow(pyplot.imread(path))
        pyplot.axis('off')
    pyplot.show()
