"""Time and weigh hacdr predict on copies of photographs, engine by engine.

Each engine predicts in a process of its own, all of them in turn, as often as --rounds
says. Printed are the medians of photographs a minute (without loading weights and
libraries), of the processor's seconds for a photograph, which other work on the machine
disturbs less, and the highest peak of memory. --before names a checkout of the commit
before Predictor, whose command predicts too; there loading counts.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from hacdr_cli import keep_freed_memory, run

ROOT = Path(__file__).parents[2]
ENGINES = 'torch', 'fused', 'bfloat16', 'onnxruntime'
WEIGHTS, CONFIG = 'weights/hacdr_idrid_lean', 'configs/hacdr_idrid_lean.py'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('photographs', type=Path, help='folder of photographs')
    parser.add_argument('--copies', type=int, default=10, help='default: 10')
    parser.add_argument('--rounds', type=int, default=3, help='default: 3')
    parser.add_argument('--engines', nargs='+', choices=ENGINES, default=ENGINES)
    parser.add_argument('--jobs', type=int, default=2, help='default: 2')
    parser.add_argument('--before', type=Path, help='checkout without Predictor')
    parser.add_argument('--measure', choices=ENGINES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.measure:
        print(json.dumps(measure(args.measure, args.photographs, args.jobs)))
        return
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        copy_photographs(args.photographs, Path(folder), args.copies)
        for _ in range(args.rounds):
            for engine in args.engines:
                command = [__file__, folder, '--measure', engine]
                figure = call([*command, '--jobs', str(args.jobs)], ROOT)
                figures.setdefault(engine, []).append(figure)
            if args.before:
                figure = measure_before(args.before, folder)
                figures.setdefault('before', []).append(figure)
    print(f'{"":12} photographs/minute  processor s/photograph  peak MB')
    for engine, each in figures.items():
        rate = statistics.median(60 * args.copies / f['seconds'] for f in each)
        busy = statistics.median(f['processor'] / args.copies for f in each)
        peak = max(f['peak'] for f in each) / 1e6
        print(f'{engine:12} {rate:18.1f} {busy:23.2f} {peak:8.0f}')


def copy_photographs(source, target, number):
    """Fill a folder with ``number`` copies of the photographs of another, in turn."""
    from hacdr.images import find_images

    paths = find_images(source)
    for i in range(number):
        path = paths[i % len(paths)]
        shutil.copy(path, target / f'{i:03}{path.suffix}')


def measure(engine, photographs, jobs):
    """Predict a folder in this process; return seconds, processor's seconds, bytes."""
    keep_freed_memory()
    from hacdr.apis import Predictor
    from hacdr.inference.folder import predict_folder

    suffix = '.onnx' if engine == 'onnxruntime' else '.safetensors'
    weights = str(ROOT / f'{WEIGHTS}{suffix}')
    options = {'model.test_cfg.bfloat16': True} if engine == 'bfloat16' else None
    predictor = Predictor(weights, options=options)
    if engine == 'torch':
        from hacdr.inference.torch_network import TorchNetwork

        predictor.network = TorchNetwork(weights, fuse=False)
    with tempfile.TemporaryDirectory() as output:
        before, start = processor_seconds(), time.perf_counter()
        predict_folder(predictor, photographs, output, jobs=jobs)
        seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return dict(seconds=seconds, processor=processor_seconds() - before, peak=peak)


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def measure_before(checkout, photographs):
    """Predict by the command of an earlier checkout; its loading counts."""
    with tempfile.TemporaryDirectory() as output:
        script = [
            str(checkout / 'tools' / 'predict.py'),
            CONFIG,
            f'{WEIGHTS}.safetensors',
        ]
        command = [*script, str(photographs), '-o', f'{output}/out']
        start = time.perf_counter()
        usage = call(command, checkout, wanted=False)
        return dict(usage, seconds=time.perf_counter() - start)


def call(command, root, wanted=True):
    """Run a script; return the JSON it prints last, or what the process used."""
    environment = dict(os.environ, PYTHONPATH=str(root))
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', *command],
        cwd=root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    if wanted:
        return json.loads(printed.splitlines()[-1])
    return dict(processor=usage.ru_utime + usage.ru_stime, peak=usage.ru_maxrss * 1024)


if __name__ == '__main__':
    run(main, needs_stack=False)
