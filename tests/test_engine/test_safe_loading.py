"""Checkpoints that would run code are refused in one line, and run none."""

import contextlib
import io
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv import ConfigDict
from mmcv.runner.checkpoint import CheckpointLoader

from hacdr.engine import load_weights, read_checkpoint
from hacdr.engine.safe_loading import UntrustedCheckpoint, restrict_loading
from hacdr.errors import InputError

from .training import Model, make_runner


class Calls:
    """Unpickled, it is what a function returns."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def touch(path):
    """What the malicious files below would do, if they could."""
    Path(path).touch()


def by_exec(trace):
    return Calls(exec, f'open({trace!r}, "w")')


def opcodes(*lines):
    """Return a pickle written by hand."""
    return b''.join(lines) + b'.'


def global_(module, name):
    return f'c{module}\n{name}\n'.encode()


def text(value):
    return b'X' + len(value).to_bytes(4, 'little') + value.encode()


def write_zip(path, data, compression=zipfile.ZIP_STORED, **more):
    with zipfile.ZipFile(path, 'w', compression) as archive:
        for name, content in dict(
            {'data.pkl': data, 'version': b'3\n'}, **more
        ).items():
            archive.writestr(f'archive/{name}', content)


# --- malicious files: path, trace -> None -----------------------------------------


def calls_exec(path, trace):
    torch.save(dict(state_dict={}, meta=by_exec(trace)), path)


def calls_exec_in_the_old_format(path, trace):
    torch.save(
        dict(state_dict=by_exec(trace)), path, _use_new_zipfile_serialization=False
    )


def is_a_bare_pickle(path, trace):
    Path(path).write_bytes(pickle.dumps(by_exec(trace)))


def calls_a_function_of_the_project(path, trace):
    torch.save(Calls(touch, trace), path)


def holds_a_whole_network(path, trace):
    torch.save(torch.nn.Linear(1, 1), path)


def is_torchscript(path, trace):
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), path)


def is_a_tar(path, trace):
    with tarfile.open(path, 'w') as archive:
        for name in ('storages', 'tensors', 'pickle'):
            content = pickle.dumps(by_exec(trace))
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def reaches_through_a_function_that_is_allowed(path, trace):
    """torch._utils._rebuild_tensor_v2.__globals__, by a name with a dot."""
    stream = b'\x80\x04' + text('torch._utils')
    stream += text('_rebuild_tensor_v2.__globals__') + b'\x93'
    write_zip(path, opcodes(stream))


def imports_by_a_loader_of_torch(path, trace):
    """torch.storage._load_from_bytes unpickles what it is given, unrestricted."""
    content = io.BytesIO()
    torch.save(by_exec(trace), content)
    torch.save(Calls(torch.storage._load_from_bytes, content.getvalue()), path)


def changes_a_class(path, trace):
    """ConfigDict.__setitem__ = OrderedDict, by an instruction that is for objects."""
    state = b'N}' + text('__setitem__') + global_('collections', 'OrderedDict') + b's'
    stream = global_('mmcv.utils.config', 'ConfigDict') + state + b'\x86b'
    write_zip(path, opcodes(stream))


def hides_an_object_in_a_numpy_scalar(path, trace):
    scalar = np.float64().__reduce__()[0]
    torch.save(Calls(scalar, np.dtype('O'), np.array([{}], object)), path)


def is_compressed(path, trace):
    write_zip(path, pickle.dumps(b'0' * 10**6), zipfile.ZIP_DEFLATED)


def speaks_to_the_terminal(path, trace):
    stream = b'\x80\x04' + text('os\x1b[2J\n') + text('system') + b'\x93'
    write_zip(path, opcodes(stream))


def writes_into_a_tensor(path, trace):
    """An entry of a dict, by an instruction that takes anything: tensor[0] = 1."""
    tensor = global_('torch._utils', '_rebuild_tensor') + b'('
    tensor += b'(' + text('storage') + global_('torch', 'FloatStorage') + text('0')
    tensor += text('cpu') + b'K\x04tQK\0K\x04\x85K\x01\x85tR'
    write_zip(
        path, opcodes(b'\x80\x02' + tensor + b'K\0K\x01s'), **{'data/0': b'0' * 16}
    )


MALICIOUS = [
    calls_exec,
    calls_exec_in_the_old_format,
    is_a_bare_pickle,
    calls_a_function_of_the_project,
    holds_a_whole_network,
    is_torchscript,
    is_a_tar,
    reaches_through_a_function_that_is_allowed,
    imports_by_a_loader_of_torch,
    changes_a_class,
    hides_an_object_in_a_numpy_scalar,
    is_compressed,
    speaks_to_the_terminal,
    writes_into_a_tensor,
]


@pytest.fixture(params=MALICIOUS, ids=lambda write: write.__name__)
def malicious(request, tmp_path):
    """A file, and the file that appears if its code runs."""
    path, trace = tmp_path / 'malicious.pth', tmp_path / 'ran'
    request.param(str(path), str(trace))
    yield str(path)
    assert not trace.exists()
    assert ConfigDict.__setitem__ is not OrderedDict


def test_nothing_runs(malicious, tmp_path):
    runner = make_runner(tmp_path / 'work', 1)
    for read in (
        read_checkpoint,
        runner.resume,
        runner.load_checkpoint,
        lambda path: load_weights(Model(), path),
    ):
        with pytest.raises(UntrustedCheckpoint) as caught:
            read(malicious)
        message = str(caught.value)
        assert message.startswith(malicious)
        assert '--trust-checkpoint' in message
        assert message.isprintable()


@pytest.mark.parametrize(
    'write',
    [
        calls_exec,
        calls_exec_in_the_old_format,
        is_a_bare_pickle,
        calls_a_function_of_the_project,
    ],
)
def test_trusted_they_would_run(write, tmp_path):
    path, trace = tmp_path / 'malicious.pth', tmp_path / 'ran'
    write(str(path), str(trace))
    with restrict_loading(trust=True), contextlib.suppress(InputError):
        read_checkpoint(str(path))
    assert trace.exists()


def test_a_config_that_names_one(malicious):
    """As a network's init_cfg does, through mmcv's own loader."""
    before = torch.load
    with restrict_loading(), pytest.raises(UntrustedCheckpoint):
        CheckpointLoader.load_checkpoint(malicious)
    assert torch.load is before


@pytest.mark.parametrize(
    ('write', 'found'),
    [
        (calls_exec, 'holds builtins.exec;'),
        (holds_a_whole_network, 'holds torch.nn.modules.linear.Linear;'),
        (is_torchscript, 'a TorchScript program;'),
        (reaches_through_a_function_that_is_allowed, '_v2.__globals__;'),
        (speaks_to_the_terminal, r'holds os\x1b[2J\n.system;'),
        (writes_into_a_tensor, 'holds an entry of Tensor;'),
    ],
)
def test_what_was_found_is_said(write, found, tmp_path):
    path = str(tmp_path / 'malicious.pth')
    write(path, str(tmp_path / 'ran'))
    with pytest.raises(UntrustedCheckpoint) as caught:
        read_checkpoint(path)
    assert found in str(caught.value)


@pytest.mark.parametrize('there', [0, 12, 4000])
def test_a_storage_that_claims_another_size(there, tmp_path):
    """Torch before 2.10 reads the memory behind what it has of it."""
    path = str(tmp_path / 'checkpoint.pth')
    content = io.BytesIO()
    torch.save(dict(state_dict=dict(weight=torch.ones(250))), content)
    with zipfile.ZipFile(content) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    (storage,) = (name for name in entries if name.endswith('data/0'))
    assert len(entries[storage]) == 1000
    entries[storage] = b'\1' * there
    with zipfile.ZipFile(path, 'w') as archive:
        for name, entry in entries.items():
            archive.writestr(name, entry)
    with pytest.raises(InputError, match=f'1000 bytes, whose entry has {there}'):
        read_checkpoint(path)


# --- what is read -----------------------------------------------------------------

META = dict(
    config='import os\n',
    score=np.float64(0.5),
    number=np.float32(2),
    flag=np.bool_(True),
    array=np.arange(6.0).reshape(2, 3),
    empty=b'',
    data=b'\xff\0',
    chosen={1, 2},
    settings=ConfigDict(a=1, b=dict(c=[1, (2, 3)])),
    dtype=torch.float16,
    shape=torch.Size([1, 2]),
    device=torch.device('cpu'),
)


@pytest.mark.parametrize('zipped', [True, False])
def test_what_mmcv_stores(zipped, tmp_path):
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters())
    model.train_step([torch.arange(12.0).view(4, 3)], None)['loss'].backward()
    optimizer.step()
    path = str(tmp_path / 'checkpoint.pth')
    torch.save(
        dict(
            meta=META,
            state_dict=model.state_dict(),
            optimizer=optimizer.state_dict(),
            more=[
                torch.nn.Parameter(torch.ones(2)),
                torch.ones(1, 2, 3, 4).to(memory_format=torch.channels_last),
                torch.tensor([1, 2], dtype=torch.bfloat16),
            ],
        ),
        path,
        _use_new_zipfile_serialization=zipped,
    )
    read = read_checkpoint(path)
    array = read['meta'].pop('array')
    np.testing.assert_array_equal(array, META['array'])
    assert read['meta'] == {k: v for k, v in META.items() if k != 'array'}
    for name, value in read['meta'].items():
        assert type(value) is type(META[name])
    assert read['meta']['settings'].b.c == [1, (2, 3)]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, read['state_dict'][name])
    assert read['state_dict']._metadata == model.state_dict()._metadata
    assert read['more'][1].is_contiguous(memory_format=torch.channels_last)
    assert read['more'][2].dtype == torch.bfloat16


def test_trust_reads_everything(tmp_path):
    path = str(tmp_path / 'network.pth')
    torch.save(dict(network=torch.nn.Linear(1, 1)), path)
    with restrict_loading(trust=True):
        assert isinstance(read_checkpoint(path)['network'], torch.nn.Linear)
    with pytest.raises(UntrustedCheckpoint):
        read_checkpoint(path)


@pytest.mark.parametrize('length', [0, 3, 100, 0.5, 0.999])
@pytest.mark.parametrize('zipped', [True, False])
def test_a_truncated_file_is_told_in_one_line(length, zipped, tmp_path):
    path = tmp_path / 'checkpoint.pth'
    torch.save(
        dict(state_dict=Model(500).state_dict()),
        path,
        _use_new_zipfile_serialization=zipped,
    )
    whole = path.read_bytes()
    size = length if isinstance(length, int) else int(length * len(whole))
    path.write_bytes(whole[:size])
    with pytest.raises(InputError, match='not a readable checkpoint') as caught:
        read_checkpoint(str(path))
    assert '\n' not in str(caught.value)
