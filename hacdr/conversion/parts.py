"""A zip that was split into numbered parts, read in place as if it were joined."""

from __future__ import annotations

import bisect
import io
import re
import struct
import zipfile
import zlib
from collections import defaultdict
from pathlib import Path

from hacdr.errors import InputError

PART = re.compile(r'(?P<name>.+\.zip)\.(?P<number>\d{3})(?P<zipped>\.zip)?', re.I)
CHUNK = 2**16
# A state of the decompressor takes some 40 kB: 2.5 MB for a gigabyte.
CHECKPOINT = 2**24
LOCAL_HEADER = struct.Struct('<26xHH')


def find_parts(path: Path) -> list[Path]:
    """Find the parts ``NAME.zip.001``, ``.002``, ... of a download.

    Args:
        path (Path): one of the parts, or a folder that has them in it or below it.

    Returns:
        List[Path]: the parts in order; empty where there are none. Each is a part,
        or a zip of one (``NAME.zip.001.zip``).

    Raises:
        InputError: a part is missing, or parts of several zips are there.
    """
    if path.is_file() and PART.fullmatch(path.name):
        wanted = PART.fullmatch(path.name)['name'].lower()
        files = path.parent.iterdir()
    elif path.is_dir():
        wanted, files = None, path.rglob('*.zip.[0-9]*')
    else:
        return []
    found = defaultdict(dict)
    # Of a part and the same part zipped, the shorter name is the part itself.
    for file in sorted(files, key=lambda file: -len(file.name)):
        match = PART.fullmatch(file.name)
        if match and file.is_file() and wanted in (None, match['name'].lower()):
            found[match['name'].lower()][int(match['number'])] = file
    if len(found) > 1:
        raise InputError(
            f'{path}: parts of several zips ({", ".join(sorted(found))}); pass the '
            'first part of one'
        )
    if not found:
        return []
    ((name, numbered),) = found.items()
    missing = sorted({*range(1, max(numbered) + 1)} - {*numbered})
    if missing:
        raise InputError(
            f'{path}: part {", ".join(f"{n:03d}" for n in missing)} of {name} is '
            f'missing, expected 001 to {max(numbered):03d} and what may follow'
        )
    return [numbered[number] for number in sorted(numbered)]


def is_unpacked(path: Path) -> bool:
    """Whether what parts hold lies unpacked beside them.

    Args:
        path (Path): as for :func:`find_parts`.

    Returns:
        bool: in a folder or below it are parts ``NAME.zip.001`` and a folder
        ``NAME`` that has folders.
    """
    matches = [PART.fullmatch(file.name) for file in path.rglob('*.zip.[0-9]*')]
    names = {match['name'][: -len('.zip')].lower() for match in matches if match}
    return any(
        folder.name.lower() in names
        and any(f.is_dir() and not PART.fullmatch(f.name) for f in folder.iterdir())
        for folder in path.rglob('*')
        if folder.is_dir()
    )


def open_parts(paths: list[Path]) -> io.BufferedReader:
    """Open the parts as one file; nothing is joined on disk.

    Args:
        paths (List[Path]): as :func:`find_parts` returns them.

    Returns:
        io.BufferedReader: to read and seek in.

    Raises:
        InputError: a part cannot be read, or is not as long as the first one.
    """
    return io.BufferedReader(_JoinedParts(paths))


class _JoinedParts(io.RawIOBase):
    def __init__(self, paths):
        super().__init__()
        self._parts = [_open_part(path) for path in paths]
        sizes = [part.size for part in self._parts]
        for path, size in zip(paths[:-1], sizes):
            if size != sizes[0]:
                raise InputError(
                    f'{path}: has {size} bytes, expected {sizes[0]} as '
                    f'{paths[0].name}; download it again'
                )
        self._starts = [sum(sizes[:index]) for index in range(len(sizes))]
        self._size, self._position = sum(sizes), 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}
        if start[whence] + offset < 0:
            raise OSError('seek before the start of the file')
        self._position = start[whence] + offset
        return self._position

    def readinto(self, buffer):
        if self._position >= self._size:
            return 0
        index = bisect.bisect_right(self._starts, self._position) - 1
        data = self._parts[index].read(
            self._position - self._starts[index], len(buffer)
        )
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


class _StoredPart:
    """Bytes that lie in a file as they are."""

    def __init__(self, path, start, size):
        self.path, self.start, self.size = path, start, size

    def read(self, offset, size):
        with open(self.path, 'rb') as file:
            file.seek(self.start + offset)
            return file.read(min(size, self.size - offset))


class _DeflatedPart:
    """Deflated bytes, with checkpoints to go back to: zipfile would start anew."""

    def __init__(self, packed, size):
        self.packed, self.size = packed, size
        # Of each: what was unpacked and what was read before it, and the state.
        self._checkpoints = [(0, 0, zlib.decompressobj(-zlib.MAX_WBITS))]
        self._go_to(self._checkpoints[0])

    def read(self, offset, size):
        if not self._start <= offset <= self._start + len(self._chunk) + CHECKPOINT:
            before = bisect.bisect_right([c[0] for c in self._checkpoints], offset)
            self._go_to(self._checkpoints[before - 1])
        while offset >= self._start + len(self._chunk):
            self._unpack_next()
        begin = offset - self._start
        return self._chunk[begin : begin + size]

    def _go_to(self, checkpoint):
        self._start, self._consumed, state = checkpoint
        self._state, self._chunk = state.copy(), b''

    def _unpack_next(self):
        self._start += len(self._chunk)
        if self._start >= self._checkpoints[-1][0] + CHECKPOINT:
            state = self._state.copy()
            self._checkpoints.append((self._start, self._consumed, state))
        packed = self.packed.read(self._consumed, CHUNK)
        self._consumed += len(packed)
        self._chunk = self._state.decompress(packed)
        if not packed and not self._chunk:
            raise zlib.error('the part ends too early')


def _open_part(path):
    try:
        if not path.name.lower().endswith('.zip'):
            return _StoredPart(path, 0, path.stat().st_size)
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(f'{path}: cannot be read ({error})') from error
    if len(members) != 1 or members[0].flag_bits & 1:
        raise InputError(f'{path}: expected a zip of one part, without password')
    info = members[0]
    with open(path, 'rb') as file:
        file.seek(info.header_offset)
        header = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
    start = info.header_offset + LOCAL_HEADER.size + sum(header)
    packed = _StoredPart(path, start, info.compress_size)
    if info.compress_type == zipfile.ZIP_STORED:
        return packed
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return _DeflatedPart(packed, info.file_size)
    raise InputError(f'{path}: packed in a way not known here; unpack it first')
