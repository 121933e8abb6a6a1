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
        mask_prefix=str(root / 'masks' / 'train'),
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
    scale, ratio_range = load.img_scale, load.ratio_range
    for divisor in (1, 2, 4):
        load.img_scale, load.ratio_range = (4000 // divisor, 4000 // divisor), None
        load(sample(root, name))
    load.img_scale, load.ratio_range = scale, ratio_range


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


def write_json(path, figures):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(figures, indent=1))


if __name__ == '__main__':
    run(main)
