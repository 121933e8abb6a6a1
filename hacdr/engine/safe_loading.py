"""Checkpoints are read without running code that they may hold.

torch.load unpickles, and a pickle calls what it names. ``weights_only`` does not help
everywhere: until torch 2.5.1 it could be tricked (CVE-2025-32434), until 2.9 it let a
file write beyond its tensors (CVE-2026-24747), and it knows no exceptions for what mmcv
1.x stores before torch 2.4.
"""

from __future__ import annotations

import collections
import pickle
import tarfile
import types
import zipfile
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
import torch
from mmcv import ConfigDict

from hacdr.engine.publishing import read_published, unreadable
from hacdr.errors import InputError

ADVICE = (
    'expected tensors and plain values; --trust-checkpoint reads it all the same, if '
    'you trust where it comes from'
)


class UntrustedCheckpoint(InputError):
    """A checkpoint holds what may run code."""


@contextmanager
def restrict_loading(trust=False):
    """Let ``torch.load`` read tensors and plain values only, until the block ends.

    And .safetensors, so that published weights serve wherever a checkpoint is named.

    torch.load itself is replaced, because mmcv's loaders, mmseg's backbones and
    torch.hub all end there. Of blocks inside each other the outermost decides.

    Args:
        trust (bool): read everything, as torch always did.
    """
    if restrict_loading.entered:
        yield
        return
    original = torch.load

    def load(f, map_location=None, **kwargs):
        if str(f).endswith('.safetensors'):
            return read_published(f)
        if trust:
            return original(f, map_location, **kwargs)
        return _load(original, f, map_location)

    restrict_loading.entered = True
    torch.load = load
    try:
        yield
    finally:
        torch.load = original
        restrict_loading.entered = False


restrict_loading.entered = False  # type: ignore[attr-defined]


def _load(load, source, map_location):
    """Call torch's ``load`` on a file that holds tensors and plain values only.

    Raises:
        UntrustedCheckpoint: it holds something else.
        InputError: it is no checkpoint, or a damaged one.
    """
    if not hasattr(source, 'read'):
        with open(source, 'rb') as file:
            return _load(load, file, map_location)
    name = getattr(source, 'name', 'the checkpoint')
    try:
        sizes = _refuse_other_formats(source, name)
        return load(
            source,
            map_location,
            pickle_module=_stand_in_for_pickle(sizes),
            weights_only=False,
        )
    except InputError:
        raise
    except _Refused as error:
        raise UntrustedCheckpoint(f'{name}: holds {error}; {ADVICE}') from None
    except Exception as error:
        raise unreadable(name, error) from error


def _refuse_other_formats(file, name):
    """Refuse what torch.load would hand to other readers than ours.

    Returns:
        dict: bytes of each entry of an archive; None for the format before it, whose
        storages bring their sizes along.
    """
    begin = file.read(4)
    file.seek(0)
    sizes = None
    if begin == b'PK\3\4':
        # Asked as torch asks it, so that no archive shows two faces.
        reader = torch._C.PyTorchFileReader(file)
        records = reader.get_all_records()
        if 'constants.pkl' in records:
            raise UntrustedCheckpoint(f'{name}: a TorchScript program; {ADVICE}')
        sizes = {record: len(reader.get_record(record)) for record in records}
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            if any(entry.compress_type for entry in archive.infolist()):
                raise UntrustedCheckpoint(
                    f'{name}: its entries are compressed, which torch never does; '
                    f'{ADVICE}'
                )
            # torch does not look at checksums.
            damaged = archive.testzip()
            if damaged:
                raise ValueError(f'wrong checksum of {damaged!a}')
    else:
        try:
            tarfile.open(fileobj=file, mode='r:').close()
        except tarfile.TarError:
            pass
        else:
            raise UntrustedCheckpoint(f'{name}: a tar archive; {ADVICE}')
    file.seek(0)
    return sizes


class _Refused(Exception):
    """Says what was found that is neither a tensor nor a plain value."""


# The class in the stream that numpy's arrays are made of; it can do nothing.
_NDARRAY = types.SimpleNamespace()


def _begin_array(kind, shape, dtype):
    """Stand in for numpy's function; the array's state comes after it."""
    return np.empty(0, np.uint8)


def _make_scalar(dtype, data=b''):
    """Stand in for numpy's function; refuses objects."""
    if not isinstance(data, bytes) or dtype.hasobject:
        raise _Refused(f'a numpy scalar of {type(data).__name__}')
    return np.frombuffer(data, dtype, 1)[0]


def _encode(text, encoding):
    """Stand in for ``codecs.encode``: how bytes are written in protocol 2."""
    return text.encode('latin1')


def _empty_bytes():
    """Stand in for ``bytes``: how empty ones are written in protocol 2."""
    return b''


# What may be called: all that torch and mmcv 1.x write for tensors and plain values.
_ALLOWED = {
    'collections.OrderedDict': collections.OrderedDict,
    'builtins.set': set,
    'builtins.frozenset': frozenset,
    'builtins.complex': complex,
    'builtins.bytes': _empty_bytes,
    '_codecs.encode': _encode,
    'mmcv.utils.config.ConfigDict': ConfigDict,
    'numpy.dtype': np.dtype,
    'numpy.ndarray': _NDARRAY,
    'torch.Size': torch.Size,
    'torch.device': torch.device,
    'torch.storage.UntypedStorage': torch.storage.UntypedStorage,
    'torch._utils._rebuild_tensor': torch._utils._rebuild_tensor,
    'torch._utils._rebuild_tensor_v2': torch._utils._rebuild_tensor_v2,
    'torch._utils._rebuild_parameter': torch._utils._rebuild_parameter,
    **{
        f'{module}.multiarray.{name}': function
        for module in ('numpy.core', 'numpy._core')
        for name, function in (
            ('_reconstruct', _begin_array),
            ('scalar', _make_scalar),
        )
    },
}
_WITH_STATE = collections.OrderedDict, ConfigDict, np.dtype, np.ndarray


# The C version cannot be told what BUILD may change.
class _Unpickler(pickle._Unpickler):
    """Calls what is in the list, and nothing else.

    Attributes:
        sizes (dict | None): see :func:`_refuse_other_formats`.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)
    sizes = None

    def find_class(self, module, name):
        module = {'__builtin__': 'builtins'}.get(module, module)
        full = f'{module}.{name}'
        if full in _ALLOWED:
            return _ALLOWED[full]
        if module == 'torch' and isinstance(vars(torch).get(name), torch.dtype):
            return vars(torch)[name]
        raise _Refused(ascii(full)[1:-1])

    def load_build(self):
        # On a class or a function it would set attributes.
        target, state = self.stack[-2:]
        if not isinstance(target, _WITH_STATE) or (
            isinstance(target, collections.OrderedDict) and not isinstance(state, dict)
        ):
            raise _Refused(f'a change of {ascii(target)[:40]}')
        super().load_build()

    dispatch[pickle.BUILD[0]] = load_build

    def load_setitem(self):
        self._refuse_other_than_dict(self.stack[-3])
        super().load_setitem()

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self):
        self._refuse_other_than_dict(self.metastack[-1][-1])
        super().load_setitems()

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def _refuse_other_than_dict(self, target):
        # In a tensor it would write.
        if not isinstance(target, dict):
            raise _Refused(f'an entry of {type(target).__name__}')

    def load_binpersid(self):
        """Read a storage; refuse one that claims more or less than its entry has.

        torch before 2.10 believes it, and reads what lies behind in memory.
        """
        if self.sizes is not None:
            _, kind, key, _, count = self.stack[-1]
            untyped = kind is torch.storage.UntypedStorage
            dtype = torch.uint8 if untyped else kind.dtype
            size = count * torch._utils._element_size(dtype)
            there = self.sizes.get(f'data/{key}')
            if size != there:
                raise ValueError(f'a storage of {size} bytes, whose entry has {there}')
        super().load_binpersid()

    dispatch[pickle.BINPERSID[0]] = load_binpersid


def _stand_in_for_pickle(sizes):
    """Return what torch.load uses of a module that stands in for pickle."""

    class Unpickler(_Unpickler):
        pass

    Unpickler.sizes = sizes

    def load(file, **options):
        return Unpickler(file, **options).load()

    return types.SimpleNamespace(__name__=__name__, Unpickler=Unpickler, load=load)
