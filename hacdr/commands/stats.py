"""Count the lesions of a converted data set.

Prints a table, and lines for a config.
"""

import json
from pathlib import Path

from hacdr.conversion.splits import split_members
from hacdr.conversion.statistics import QUANTILES, config_lines, count_dataset
from hacdr.errors import InputError, counted
from hacdr.files import make_folder, write_text
from hacdr.parallel import count_cores


def add_arguments(parser):
    parser.add_argument('root', type=Path, help='folder of a converted data set')
    parser.add_argument(
        '--split', default='trainval', help='which photographs (default: trainval)'
    )
    parser.add_argument(
        '--jobs', type=int, default=count_cores(), help='processes (all cores)'
    )
    parser.add_argument('--json', type=Path, help='write the figures to this file')


def run(args):
    if args.jobs < 1:
        raise InputError(f'--jobs must be at least 1, got {args.jobs}')
    figures = count_dataset(split_members(args.root, args.split), args.jobs)
    print(f'{args.root}, {args.split}: {counted(figures["photographs"], "photograph")}')
    print('\n'.join([*_format_table(figures), '', *config_lines(figures)]))
    if args.json:
        make_folder(args.json.parent)
        write_text(args.json, json.dumps(figures, indent=1))


def _format_table(figures):
    """Yield lines of at most 80 columns."""
    names, lesions = [*figures['lesions']], [*figures['lesions'].values()]
    yield f'\n{"":<28}' + ''.join(f'{name:>12}' for name in names)
    for key, title in (
        ('photographs', 'photographs that show it'),
        ('mask_pixels', 'pixels of its masks'),
        ('label_pixels', 'pixels of the label maps'),
        ('components', 'components, 8-connected'),
    ):
        yield f'{title:<28}' + ''.join(f'{lesion[key]:>12}' for lesion in lesions)
    for index, quantile in enumerate(QUANTILES):
        cells = (
            f'{lesion["area_quantiles"][index]:.0f}' if lesion['components'] else '-'
            for lesion in lesions
        )
        title = f'area, {quantile} % are smaller'
        yield f'{title:<28}' + ''.join(f'{cell:>12}' for cell in cells)
    view = figures['field_of_view']
    mean, std = (' '.join(f'{v:6.1f}' for v in view[key]) for key in ('mean', 'std'))
    yield f'\nbackground pixels     {figures["background_pixels"]:>12}'
    yield f'ignored pixels        {figures["ignored_pixels"]:>12}'
    yield f'field of view, pixels {view["pixels"]:>12}   R, G, B mean {mean}'
    yield f'{"":<37}R, G, B std  {std}'
