"""Trainings and tests of several processes, on GPUs as mmsegmentation has them, and on
CPUs, which mmcv and mmsegmentation refuse; and the processes that load their data."""

import os
import subprocess
import sys

import mmseg.apis.test
import mmseg.apis.train
import torch
import torch.distributed
from mmcv.cnn.utils import revert_sync_batchnorm
from mmcv.parallel import MMDistributedDataParallel
from mmcv.runner import get_dist_info, init_dist
from mmseg.utils import build_ddp, setup_multi_processes

from hacdr.errors import InputError
from hacdr.parallel import count_cores

# How launchers name rank, rank on this machine and number of processes.
VARIABLES = {
    'pytorch': ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'),
    'slurm': ('SLURM_PROCID', 'SLURM_LOCALID', 'SLURM_NTASKS'),
    'mpi': (
        'OMPI_COMM_WORLD_RANK',
        'OMPI_COMM_WORLD_LOCAL_RANK',
        'OMPI_COMM_WORLD_SIZE',
    ),
}


def set_up_workers(cfg, warn):
    """Set how the processes that load data begin, and their threads, as mmseg does.

    On Linux they are forked, unless the config names another way. Python 3.14 would
    start each anew, which loads torch and mmseg again.

    Args:
        cfg (mmcv.Config): the config; ``mp_start_method`` is filled in.
        warn (callable): is called with a line if there are more of them than cores.
    """
    if sys.platform == 'linux':
        cfg.setdefault('mp_start_method', 'fork')
    setup_multi_processes(cfg)
    workers, cores = cfg.data.get('workers_per_gpu', 0), count_cores()
    if workers > cores:
        warn(f'data.workers_per_gpu is {workers}, this machine has {cores} cores')


def join_processes(launcher, parameters, gpu_id=0, local_rank=0):
    """Make this process one of its job, and mmseg work with what is here.

    In a job of several, mmseg's training wraps models by :func:`distribute` from now
    on, and its test gathers by :func:`gather_results`.

    Args:
        launcher (str): 'pytorch', 'slurm' or 'mpi'; 'none' for a job of one process.
        parameters (dict | None): the config's ``dist_params``, for GPUs, nccl without.
            CPUs use gloo.
        gpu_id (int): the GPU of a job of one process.
        local_rank (int): of this process, where the environment does not say it.

    Returns:
        bool: whether the job has several processes.

    Raises:
        InputError: this process was not started by that launcher, or there is no such
            GPU.
    """
    if launcher == 'none':
        gpus = torch.cuda.device_count()
        if gpus and not 0 <= gpu_id < gpus:
            raise InputError(f'--gpu-id {gpu_id}: expected 0 to {gpus - 1}')
        return False
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    for name, theirs in zip(VARIABLES['pytorch'], VARIABLES[launcher]):
        if theirs not in os.environ:
            raise InputError(
                f'--launcher {launcher}: {theirs} is not in the environment; see '
                'tools/dist_train.sh and tools/slurm_train.sh for how to start it'
            )
        os.environ[name] = os.environ[theirs]
    if torch.cuda.is_available():
        init_dist(launcher, **(parameters or {}))
    else:
        _join_on_cpus(launcher)
    mmseg.apis.train.build_ddp = distribute
    mmseg.apis.test.collect_results_cpu = gather_results
    mmseg.apis.test.collect_results_gpu = gather_results
    return True


def _join_on_cpus(launcher):
    os.environ.setdefault('MASTER_PORT', '29500')
    if launcher == 'slurm' and 'MASTER_ADDR' not in os.environ:
        nodes = subprocess.check_output(
            ['scontrol', 'show', 'hostnames', os.environ['SLURM_NODELIST']], text=True
        )
        os.environ['MASTER_ADDR'] = nodes.split()[0]
    torch.distributed.init_process_group('gloo')


def distribute(model, device, **options):
    """Wrap a model whose gradients are averaged over all processes.

    On CPUs synchronised batch normalisation, which torch has for GPUs alone, becomes
    one over the samples of a process.

    Args:
        model (nn.Module): the model.
        device (str): 'cuda' or 'cpu'.
        **options: of torch's DistributedDataParallel.

    Returns:
        MMDistributedDataParallel: the model, on the device.
    """
    if device != 'cpu':
        return build_ddp(model, device, **options)
    options.pop('device_ids')
    return _DistributedOnCPU(revert_sync_batchnorm(model), **options)


class _DistributedOnCPU(MMDistributedDataParallel):
    """Unpacks the containers of a batch, as mmcv does it for GPUs."""

    def train_step(self, *inputs, **kwargs):
        inputs, kwargs = self.scatter(inputs, kwargs, [-1])
        return super().train_step(*inputs[0], **kwargs[0])

    def forward(self, *inputs, **kwargs):
        inputs, kwargs = self.scatter(inputs, kwargs, [-1])
        return super().forward(*inputs[0], **kwargs[0])


def gather_results(part, size, tmpdir=None):
    """Bring the results of a test together; mmcv's pickles in a folder are anyone's.

    Args:
        part (list): of this process, which has every n-th sample of n processes.
        size (int): how many there are. Each process has as many: some come twice.
        tmpdir: for mmcv's signature; there are no files.

    Returns:
        list | None: of all, in the order of the samples, in the first process.
    """
    rank, ranks = get_dist_info()
    parts = [None] * ranks if rank == 0 else None
    torch.distributed.gather_object(part, parts)
    if rank == 0:
        return [one for turn in zip(*parts) for one in turn][:size]
    return None
