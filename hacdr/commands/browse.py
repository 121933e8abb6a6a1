"""Draw contact sheets of a data set.

Photographs with the outlines of their lesions, and counts. Of a converted data set they
show what the experts drew; of a config what its training pipeline makes of it, random
crops and colours included.
"""

import re
from pathlib import Path

from hacdr.errors import InputError, counted
from hacdr.files import make_folder, write_bytes
from hacdr.progress import progress_bar


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


def run(args):
    from hacdr.engine.config import check_config, load_config
    from hacdr.report.contact_sheets import converted_samples, pipeline_samples

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
    _remove_earlier(args.output, sheets)
    print(f'{args.output}: {counted(len(sheets), "contact sheet")}')
    if args.show:
        _show(sheets)


def _remove_earlier(folder, sheets):
    """Remove the sheets of an earlier run, of another set perhaps."""
    for path in folder.glob('sheet_*.png'):
        if path not in sheets and re.fullmatch(r'sheet_\d+', path.stem):
            path.unlink()


def _write_sheet(args, samples, number):
    """Draw a sheet, write it and return its path."""
    import cv2

    from hacdr.report.contact_sheets import contact_sheet

    path = args.output / f'sheet_{number}.png'
    sheet = contact_sheet(samples, args.columns, args.width)
    make_folder(args.output)
    write_bytes(path, cv2.imencode('.png', sheet)[1].tobytes())
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
