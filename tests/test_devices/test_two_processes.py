import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name('one_of_two.py')


@pytest.mark.slow
def test_two_processes_train_one_network(folder, device, tmp_path):
    """By gloo, which lets them share a card; mmcv's fp16 where there is one."""
    precision = 'fp16' if device == 'cuda' else 'float32'
    path = os.pathsep.join([str(SCRIPT.parents[2]), os.environ.get('PYTHONPATH', '')])
    processes = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), folder, tmp_path, device, precision, rank],
            env=dict(os.environ, PYTHONPATH=path),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in '01'
    ]
    try:
        for process in processes:
            output = process.communicate(timeout=180)[0]
            assert process.returncode == 0, output[-3000:]
    finally:
        for process in processes:
            process.kill()
    first, second = (torch.load(str(tmp_path / f'rank_{rank}.pth')) for rank in '01')
    for name, tensor in first['weights'].items():
        assert torch.equal(tensor, second['weights'][name]), name
    assert len(first['figures']) == 1
    assert 0 <= first['figures'][0]['mAUPR'] <= 1
