"""Numbers in which all processes of a training must agree."""

import numpy as np
import torch
import torch.distributed
from mmcv.runner import get_dist_info


def agree(number, collective):
    """Let all processes of a training go on with the same number.

    Args:
        number (int | float): of this process.
        collective (callable): of torch.distributed; changes a tensor in its place.

    Returns:
        int | float: of all processes; of a single one it is ``number``.
    """
    if get_dist_info()[1] == 1:
        return number
    # numpy keeps all digits of a float.
    shared = torch.from_numpy(np.array(number))
    if torch.distributed.get_backend() == 'nccl':
        shared = shared.cuda()
    collective(shared)
    return shared.item()
