"""Put the wheels that a GPU machine with torch may lack into a folder: mmcv, mmseg.

mmcv comes without its operators, hacdr's stand-in for them inside; all of them are pure
Python. On a machine that has torch, numpy, OpenCV and the other requirements, but not
OpenMMLab's packages:

    pip install --no-index --no-deps wheels/*.whl
"""

import argparse
import sys
import tempfile
from pathlib import Path

from environment.mmcv_wheel import build_without_operators
from environment.process import SetupError, run
from environment.stack import CURRENT

# mmcv's and mmseg's requirements, and theirs, that do not come with torch, matplotlib
# or pytest.
NAMES = 'addict', 'mmsegmentation', 'platformdirs', 'prettytable', 'wcwidth', 'yapf'


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('-o', '--output', type=Path, default=Path('wheels'))
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    pins = [
        line
        for line in CURRENT.constraints.read_text().splitlines()
        if line.split('==')[0] in NAMES
    ]
    pip = [sys.executable, '-m', 'pip', 'download', '--no-deps']
    pip += ['--only-binary', ':all:', '--platform', 'any', '-d', args.output]
    with tempfile.TemporaryDirectory() as folder:
        log = args.output / 'log.txt'
        run([*pip, *pins], log)
        wheel = build_without_operators(
            sys.executable, CURRENT.pin('mmcv-full'), Path(folder), log
        )
        (args.output / wheel.name).write_bytes(wheel.read_bytes())
        log.unlink()
    for wheel in sorted(args.output.glob('*.whl')):
        print(wheel)


if __name__ == '__main__':
    try:
        main()
    except SetupError as error:
        sys.exit(f'error: {error}')
