"""Train and test several configs with several seeds; one table.

    hacdr study STUDY.py
    hacdr study STUDY.py --devices 0 1

The same command again goes on where it stopped. docs/studies.md tells the format of the
file.
"""

import os
import os.path as osp

from hacdr.errors import InputError
from hacdr.shipped import find_config


def add_arguments(parser):
    parser.add_argument('study', help='study file')
    parser.add_argument(
        '--devices',
        nargs='+',
        metavar='DEVICE',
        help="numbers of GPUs, or 'cpu': a run at a time on each (default: one run at "
        'a time, on the first GPU if there is one)',
    )


def check(args):
    find_config(args.study)


def run(args):
    from hacdr.study import execute, read_study, require_lists

    study = read_study(args.study)
    devices = visible_devices(args.devices)
    require_lists(study)
    execute(study, devices)
    for name in ('table.md', 'table.csv', 'curves.png'):
        print(osp.join(study.work_dir, name))


def visible_devices(devices):
    """Return what CUDA_VISIBLE_DEVICES is to be for each device."""
    if not devices:
        return [None]
    import torch

    count = torch.cuda.device_count()
    for device in devices:
        if device != 'cpu' and not (device.isdigit() and int(device) < count):
            raise InputError(
                f"--devices {device}: expected 'cpu' or the number of one of the "
                f'{count} GPUs found'
            )
    # Numbers count the GPUs that this process may use.
    named = os.environ.get('CUDA_VISIBLE_DEVICES')
    usable = named.split(',') if named else [*map(str, range(count))]
    return ['' if device == 'cpu' else usable[int(device)] for device in devices]
