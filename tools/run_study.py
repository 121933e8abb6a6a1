"""Train and test several configs with several seeds; write one table.

    python tools/run_study.py STUDY.py
    python tools/run_study.py STUDY.py --devices 0 1

The same command again goes on where it stopped. docs/studies.md tells the format of the
file.
"""

import argparse
import os.path as osp

from hacdr_cli import run


def main():
    """Read the study, do what is left of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('study', help='study file')
    parser.add_argument(
        '--devices',
        nargs='+',
        metavar='DEVICE',
        help="numbers of GPUs, or 'cpu': a run at a time on each (default: one run at "
        'a time, on the first GPU if there is one)',
    )
    args = parser.parse_args()

    from hacdr.study import execute, read_study

    study = read_study(args.study)
    execute(study, osp.dirname(osp.abspath(__file__)), visible(args.devices))
    for name in ('table.md', 'table.csv', 'curves.png'):
        print(osp.join(study.work_dir, name))


def visible(devices):
    """Return what CUDA_VISIBLE_DEVICES is to be for each device."""
    import torch

    from hacdr.errors import InputError

    if not devices:
        return [None]
    count = torch.cuda.device_count()
    for device in devices:
        if device != 'cpu' and not (device.isdigit() and int(device) < count):
            raise InputError(
                f"--devices {device}: expected 'cpu' or the number of one of the "
                f'{count} GPUs found'
            )
    return ['' if device == 'cpu' else device for device in devices]


if __name__ == '__main__':
    run(main)
