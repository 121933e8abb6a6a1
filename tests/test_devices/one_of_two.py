"""Train as one of two processes that share a device (run as a script)."""

import os
import sys
from pathlib import Path

import torch
from mmseg.apis import train as mmseg_train

from hacdr.engine.processes import distribute
from tests.test_devices import tiny_network as tiny


def main(folder, work_dir, device, precision, rank):
    torch.set_num_threads(1)
    work_dir = Path(work_dir)
    meeting = f'file://{work_dir / "meeting"}'
    torch.distributed.init_process_group('gloo', meeting, rank=int(rank), world_size=2)
    os.environ['LOCAL_RANK'] = '0'
    mmseg_train.build_ddp = distribute
    cfg = tiny.configure(Path(folder), precision)
    runner = tiny.train(cfg, work_dir, device, distributed=True)
    weights = runner.model.module.named_parameters()
    figures = runner.seen['figures']
    seen = dict(weights={n: p.detach().cpu() for n, p in weights}, figures=figures)
    torch.save(seen, str(work_dir / f'rank_{rank}.pth'))


if __name__ == '__main__':
    main(*sys.argv[1:])
