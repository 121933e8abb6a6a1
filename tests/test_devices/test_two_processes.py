from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).with_name('one_of_two.py')


@pytest.mark.slow
def test_two_processes_train_one_network(folder, device, tmp_path, run_together):
    """By gloo, which lets them share a card; mmcv's fp16 where there is one."""
    precision = 'fp16' if device == 'cuda' else 'float32'
    ranks = run_together(
        *([SCRIPT, folder, tmp_path, device, precision, rank] for rank in '01')
    )
    for rank in ranks:
        assert rank.returncode == 0, rank.stderr[-3000:]
    first, second = (torch.load(str(tmp_path / f'rank_{rank}.pth')) for rank in '01')
    for name, tensor in first['weights'].items():
        assert torch.equal(tensor, second['weights'][name]), name
    assert len(first['figures']) == 1
    assert 0 <= first['figures'][0]['mAUPR'] <= 1
