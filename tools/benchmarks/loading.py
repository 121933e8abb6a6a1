"""Time what one training sample costs: mmseg's pipeline and ours, side by side.

In one process, photograph by photograph, in changing order, with the same random scale
in each: medians over the photographs, and where the time goes. Processor time of the
one thread is counted, which other programs on the machine disturb less than the clock.
mmseg's pipeline is that of configs/_base_/datasets/idrid.py, ours that of
idrid_fast.py, without and with a cache (filled before). Then what reduced decoding
changes, and what becomes of lesions when label maps are reduced. The photographs are
in memory (the system's file cache): disks are not measured.
"""

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path

from hacdr_cli import run

from hacdr.errors import InputError
from hacdr.files import write_text

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
GOALS = {'ours': 3, 'ours, cached': 8}
LABEL_WIDTHS = 1440, 720


def main():
    args = parse_args()
    import cv2

    # As in the workers of a data loader.
    cv2.setNumThreads(0)
    names = find_photographs(args.root, args.photographs)
    with tempfile.TemporaryDirectory(dir=args.cache_dir) as folder:
        pipelines = build(folder)
        seconds = measure(pipelines, args.root, names, args.repeats)
    figures = dict(
        machine=machine(),
        photographs=len(names),
        repeats=args.repeats,
        milliseconds=summarise(seconds),
        decoding=compare_decoding(args.root, names),
    )
    if not args.quick:
        figures['labels'] = compare_labels(args.root, names)
    report(figures)
    if args.json:
        write_json(args.json, figures)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('root', type=Path, help='a converted data set, full size')
    parser.add_argument(
        '--photographs', type=int, default=20, help='how many (default: 20)'
    )
    parser.add_argument(
        '--repeats', type=int, default=3, help='rounds over them (default: 3)'
    )
    parser.add_argument(
        '--cache-dir', help="where the cache goes; default: the system's /tmp"
    )
    parser.add_argument('--quick', action='store_true', help='without label maps')
    parser.add_argument('--json', type=Path, help='write all figures to this file')
    args = parser.parse_args()
    if min(args.photographs, args.repeats) < 1:
        parser.error('--photographs and --repeats must be at least 1')
    return args


def find_photographs(root, count):
    split = root / 'splits' / 'trainval.txt'
    if not split.is_file():
        raise InputError(f'{split}: not found, expected the root of a converted set')
    return split.read_text().split()[:count]


def machine():
    lines = Path('/proc/cpuinfo').read_text().splitlines()
    processors = [line.split(':')[1].strip() for line in lines if 'model name' in line]
    return dict(processor=processors[0], python=platform.python_version())


def sample(root, name):
    """What mmseg's CustomDataset hands to the pipeline."""
    return dict(
        img_info=dict(filename=f'{name}.jpg'),
        ann_info=dict(seg_map=f'{name}.png'),
        img_prefix=str(root / 'images' / 'train'),
        seg_prefix=str(root / 'labels' / 'train'),
        seg_fields=[],
    )


# --- speed ------------------------------------------------------------------------


def build(cache_dir):
    """Return for each pipeline its steps, name -> transform."""
    from mmcv import Config
    from mmseg.datasets import PIPELINES

    import hacdr  # noqa: F401

    stock, fast = (
        Config.fromfile(str(CONFIGS / f'{name}.py')).train_pipeline
        for name in ('idrid', 'idrid_fast')
    )
    load, *others = fast
    steps = {
        'mmseg': stock,
        'ours': fast,
        'ours, full decoding': [dict(load, reduced=False), *others],
        'ours, cached': [dict(load, cache_dir=cache_dir, cache_gb=16), *others],
    }
    return {
        name: {step['type']: PIPELINES.build(step) for step in pipeline}
        for name, pipeline in steps.items()
    }


def measure(pipelines, root, names, repeats):
    """Return pipeline -> step -> seconds of each sample; a first round not counted."""
    import numpy as np
    from tqdm import tqdm

    seconds = {
        name: {step: [] for step in pipeline} for name, pipeline in pipelines.items()
    }
    turns = [(turn, name) for turn in range(repeats + 1) for name in names]
    for number, (turn, name) in enumerate(tqdm(turns, 'samples', leave=False)):
        order = [*pipelines][number % len(pipelines) :]
        order += [*pipelines][: number % len(pipelines)]
        for pipeline in order:
            np.random.seed(number if turn else 0)
            results = sample(root, name)
            if not turn and pipeline == 'ours, cached':
                fill_cache(pipelines[pipeline]['LoadPhotograph'], root, name)
            for step, transform in pipelines[pipeline].items():
                start = time.thread_time()
                results = transform(results)
                if turn:
                    seconds[pipeline][step].append(time.thread_time() - start)
    return seconds


def fill_cache(load, root, name):
    """Load at every scale that is decoded differently."""
    scale = load.resize.img_scale
    for divisor in (1, 2, 4):
        load.resize.img_scale = [(4000 // divisor, 4000 // divisor)]
        load.resize.ratio_range, ratio = (1, 1), load.resize.ratio_range
        load(sample(root, name))
        load.resize.ratio_range = ratio
    load.resize.img_scale = scale


def summarise(seconds):
    """Milliseconds: median and mean of whole samples, mean of each step."""
    rows = {}
    for name, steps in seconds.items():
        totals = [1000 * sum(sample) for sample in zip(*steps.values())]
        rows[name] = dict(
            median=statistics.median(totals),
            mean=statistics.mean(totals),
            steps={
                step: 1000 * statistics.mean(values) for step, values in steps.items()
            },
        )
    return rows


# --- what it changes --------------------------------------------------------------


def compare_decoding(root, names):
    """Grey levels between reduced and full decoding, both then reduced by area."""
    import numpy as np

    from hacdr.datasets.pipelines import LoadPhotograph

    rows = []
    for width in (2144, 1440, 1072, 720):
        differences = []
        for name in names[:5]:
            pictures = [
                LoadPhotograph((width, width), reduced=reduced)(sample(root, name))
                for reduced in (True, False)
            ]
            first, second = (picture['img'].astype(int) for picture in pictures)
            differences.append(abs(first - second).ravel())
        differences = np.concatenate(differences)
        rows.append(
            dict(
                width=width,
                mean=float(differences.mean()),
                p99=float(np.percentile(differences, 99)),
                greatest=int(differences.max()),
            )
        )
    return rows


def compare_labels(root, names):
    """Components lost and area kept, per lesion, by mmseg's way to reduce and ours."""
    import cv2
    import numpy as np
    from scipy import ndimage
    from tqdm import tqdm

    from hacdr.datasets.pipelines.load_lesion_masks import read_map
    from hacdr.lesions import LESIONS
    from hacdr.preprocess.reduction import reduce_masks

    ways = {
        'nearest (mmseg)': lambda bits, size: cv2.resize(
            bits, size, interpolation=cv2.INTER_NEAREST
        ),
        'ours': reduce_masks,
    }
    shape = len(LABEL_WIDTHS), len(ways), len(LESIONS)
    lost, area = np.zeros(shape, int), np.zeros(shape)
    components, pixels = np.zeros(len(LESIONS), int), np.zeros(len(LESIONS))
    for name in tqdm(names, 'label maps', leave=False):
        bits = read_map(root / 'masks' / 'train' / f'{name}.png')
        height, width = bits.shape
        sizes = [(w, round(w * height / width)) for w in LABEL_WIDTHS]
        reduced = [[way(bits, size) for way in ways.values()] for size in sizes]
        for k in range(len(LESIONS)):
            found, count = ndimage.label(bits >> k & 1, np.ones((3, 3)))
            rows, columns = np.nonzero(found)
            components[k] += count
            pixels[k] += len(rows)
            for i, size in enumerate(sizes):
                cells = rows * size[1] // height, columns * size[0] // width
                for j, out in enumerate(reduced[i]):
                    plane = out >> k & 1
                    kept = np.unique(found[rows, columns][plane[cells] > 0])
                    lost[i, j, k] += count - len(kept)
                    area[i, j, k] += plane.sum() * (width / size[0]) ** 2
    return [
        dict(
            width=LABEL_WIDTHS[i],
            way=way,
            **{
                lesion: dict(
                    components=int(components[k]),
                    lost=int(lost[i, j, k]),
                    area=float(area[i, j, k] / pixels[k]) if pixels[k] else None,
                )
                for k, lesion in enumerate(LESIONS)
            },
        )
        for i in range(len(LABEL_WIDTHS))
        for j, way in enumerate(ways)
    ]


# --- report -----------------------------------------------------------------------


def report(figures):
    info, rows = figures['machine'], figures['milliseconds']
    print(
        f'{info["processor"]}, one thread, Python {info["python"]}; '
        f'{figures["photographs"]} photographs, {figures["repeats"]} rounds, ms'
    )
    first = rows['mmseg']
    print(f'\n{"":<22}{"median":>8}{"mean":>8}{"ratio of medians":>18}{"goal":>7}')
    for name, row in rows.items():
        goal = f'>= {GOALS[name]}' if name in GOALS else ''
        print(
            f'{name:<22}{row["median"]:>8.1f}{row["mean"]:>8.1f}'
            f'{first["median"] / row["median"]:>18.1f}{goal:>7}'
        )
    for name, row in rows.items():
        print(f'\n{name}: mean of each step')
        for step, milliseconds in row['steps'].items():
            print(f'  {step:<28}{milliseconds:>8.1f}')
    print('\nreduced against full decoding, grey levels')
    print(f'{"width":>8}{"mean":>8}{"99 %":>8}{"greatest":>10}')
    for row in figures['decoding']:
        print(
            f'{row["width"]:>8}{row["mean"]:>8.2f}{row["p99"]:>8.0f}'
            f'{row["greatest"]:>10}'
        )
    if 'labels' in figures:
        report_labels(figures['labels'])


def report_labels(rows):
    lesions = [key for key in rows[0] if key not in ('width', 'way')]
    print('\nlesions that vanish from reduced masks, and area left')
    print(f'{"width":>6}  {"":<22}' + ''.join(f'{lesion:>12}' for lesion in lesions))
    total = ''.join(f'{rows[0][lesion]["components"]:>12}' for lesion in lesions)
    print(f'{"":>6}  {"components":<22}{total}')
    for row in rows:
        cells = ''
        for lesion in lesions:
            one = row[lesion]
            area = '-' if one['area'] is None else f'{one["area"]:.2f}'
            cells += f'{one["lost"]:>6}{area:>6}'
        print(f'{row["width"]:>6}  {row["way"]:<22}{cells}')


def write_json(path, figures):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(figures, indent=1))


if __name__ == '__main__':
    run(main)
