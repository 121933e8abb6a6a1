"""A download as it lies on disk, folder or zip, behind one interface.

Nothing is ever unpacked to disk. Hidden files and folders, and what Windows and macOS
add, are left out.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from pathlib import Path
from typing import Sequence, Union

from hacdr.conversion.parts import find_parts, is_unpacked, open_parts
from hacdr.errors import InputError
from hacdr.files import open_file, walk_files

# Far above any single image of the known data sets (an uncompressed
# 4288x2848 RGBA mask has 49 MB), far below what would exhaust the memory.
LARGEST_FILE = 512 * 2**20
# The ways of packing whose unpacking can be stopped at that size; bzip2 and LZMA hand
# out all that a few bytes make.
PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}

# What Windows and macOS put into folders that somebody looks at.
ADDED_BY_SYSTEMS = {'.ds_store', 'thumbs.db', 'desktop.ini'}


def open_source(path: str | Path) -> Source:
    """Open a download.

    Args:
        path (str | Path): a folder, a zip file, or a zip in parts: the first part
            or the folder that has them. Where parts are missing or damaged,
            the folder will do if they were unpacked in it.

    Returns:
        Source: has ``names()``, ``read(name)`` and ``where(name)``; can be pickled and
        sent to another process.

    Raises:
        InputError: missing, an empty folder, neither folder nor zip, a zip that
            is cut off, lacks a part or has members outside of it.
    """
    path = Path(path)
    try:
        parts = find_parts(path)
        source = ZipSource(path, parts) if parts else None
    except InputError:
        if not is_unpacked(path):
            raise
        source = None
    if source is None:
        source = _open_whole(path)
    if not source.names():
        raise InputError(f'{path}: is empty, expected a download')
    return source


def _open_whole(path):
    if path.is_dir():
        return FolderSource(path)
    if path.is_file():
        return ZipSource(path)
    raise InputError(f'{path}: no such folder or zip file')


class FolderSource:
    """The files below a folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        found = (Path(file).as_posix() for file in walk_files(path))
        self._names = sorted(name for name in found if not is_hidden(name))

    def names(self) -> list[str]:
        """List all files, relative to the folder, with '/' between the parts.

        Returns:
            List[str]: sorted; as they were when it was opened.
        """
        return [*self._names]

    def read(self, name: str) -> bytes:
        """Read a file.

        Args:
            name (str): one of ``names()``.

        Returns:
            bytes: its content.

        Raises:
            InputError: it cannot be read, is no file or too large.
        """
        with open_file(self.path / name) as file:
            _check_size(os.fstat(file.fileno()).st_size, self.where(name))
            return file.read()

    def where(self, name: str) -> str:
        """Tell a person where a file lies."""
        return str(self.path / name)


class ZipSource:
    """The members of a zip file, or of one in parts; nothing is unpacked to disk."""

    def __init__(self, path: str | Path, parts: Sequence[Path] = ()) -> None:
        self.path, self._parts = Path(path), parts
        self._archive, self._process = None, None
        self._members = {}
        for info in self._open().infolist():
            if info.is_dir():
                continue
            name = info.filename.replace('\\', '/')
            if (
                '..' in name.split('/')
                or name.startswith('/')
                or ':' in name.split('/')[0]
            ):
                raise InputError(
                    f'{path}: member {info.filename!r} points outside of the zip; '
                    'expected the zip as downloaded'
                )
            if name in self._members:
                raise InputError(f'{path}: holds {name!r} twice')
            self._members[name] = info

    def __getstate__(self):
        # An open archive cannot be pickled; it is opened anew.
        return dict(self.__dict__, _archive=None)

    def names(self) -> list[str]:
        """List all members, with '/' between the parts.

        Returns:
            List[str]: sorted.
        """
        return sorted(name for name in self._members if not is_hidden(name))

    def read(self, name: str) -> bytes:
        """Unpack a member.

        Args:
            name (str): one of ``names()``.

        Returns:
            bytes: its content.

        Raises:
            InputError: it is damaged, encrypted, too large, or packed by a method that
                could not be stopped if it were.
        """
        info = self._members[name]
        _check_size(info.file_size, self.where(name))
        if info.compress_type not in PACKINGS:
            names = zipfile.compressor_names  # type: ignore[attr-defined]
            method = names.get(info.compress_type, 'an unknown way')
            raise InputError(
                f'{self.where(name)}: packed by {method}, expected deflate; unpack the '
                'zip and pass the folder'
            )
        if info.flag_bits & 1:
            raise InputError(
                f'{self.where(name)}: needs a password; unpack the zip and pass the '
                'folder'
            )
        try:
            # Never more than the size that it says; read() alone would unpack up to
            # 2 GB before it found that there is more.
            with self._open().open(info) as file:
                return file.read(max(1, info.file_size))
        except Exception as error:
            # zipfile, zlib, bz2 and lzma each raise their own kinds.
            raise InputError(
                f'{self.where(name)}: cannot be unpacked ({error}); download it again'
            ) from error

    def where(self, name: str) -> str:
        """Tell a person where a member lies."""
        return f'{self.path}: {name}'

    def _open(self):
        # A forked process shares the open file's position with its parent.
        if self._archive is None or self._process != os.getpid():
            try:
                self._archive = zipfile.ZipFile(
                    open_parts(self._parts) if self._parts else self.path
                )
                self._process = os.getpid()
            except (zipfile.BadZipFile, zlib.error) as error:
                expected = 'a folder or the zip as downloaded'
                if self._parts:
                    expected = f'all parts, found 001 to {len(self._parts):03d}'
                raise InputError(
                    f'{self.path}: not a complete zip file ({error}); expected '
                    f'{expected}'
                ) from error
            except OSError as error:
                raise InputError(
                    f'{self.path}: cannot be read ({error.strerror})'
                ) from error
        return self._archive


# Where files are read from, opened by :func:`open_source`.
Source = Union[FolderSource, ZipSource]


def is_hidden(name: str) -> bool:
    """Tell whether a file is one that its owner does not see.

    Args:
        name (str): its path, with '/' between the parts, each of which may say it.
    """
    return is_added_by_system(name) or any(
        (part.startswith('.') and part != '.') or part == '__MACOSX'
        for part in name.split('/')
    )


def is_added_by_system(name: str) -> bool:
    """Tell whether Windows or macOS put a file there, of which nobody misses it.

    Args:
        name (str): its path, with '/' between the parts.
    """
    last = name.split('/')[-1].lower()
    return last in ADDED_BY_SYSTEMS or last.startswith('._')


def _check_size(size, where):
    if size > LARGEST_FILE:
        raise InputError(f'{where}: has {size} bytes, expected at most {LARGEST_FILE}')
