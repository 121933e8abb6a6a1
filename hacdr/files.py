"""Files that appear whole or not at all; lists of names, whoever wrote them."""

import codecs
import hashlib
import json
import os
import re
import secrets
import stat
import unicodedata
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from hacdr.errors import InputError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None

# In bytes, what file systems allow less what a file is called while it is written.
LONGEST_NAME = 255 - len('..01234567.tmp')
LOCK = '.lock'


@contextmanager
def atomic_write(path):
    """Give a temporary name beside ``path``; rename it to ``path`` at the end.

    Args:
        path (str | Path): the file to write; one that exists is replaced.

    Yields:
        str: the name to write to. After an exception it is gone and ``path`` is as it
        was.

    Raises:
        InputError: no such folder.
        OSError: the disk refuses; its ``filename`` is ``path``.
    """
    folder = os.path.dirname(path) or '.'
    if not os.path.isdir(folder):
        raise InputError(f'{path}: no folder {folder} to write to')
    temporary = temporary_name(path)
    try:
        yield temporary
        os.replace(temporary, path)
    except OSError as error:
        # A full disk does not say which file it was.
        if error.errno is not None and error.filename in (None, temporary):
            error.filename = str(path)
        raise
    finally:
        if os.path.lexists(temporary):
            os.remove(temporary)


def temporary_name(path):
    """Return a name beside a file that no process takes, on whatever machine.

    Args:
        path (str | Path): the file.
    """
    folder, name = os.path.split(path)
    return os.path.join(folder, f'.{name}.{secrets.token_hex(4)}.tmp')


def remove_unfinished(paths):
    """Remove what processes that were killed left of files that they were writing.

    Args:
        paths (Iterable[str | Path]): files that nobody else writes now.
    """
    names = {}
    for path in paths:
        folder, name = os.path.split(path)
        names.setdefault(folder or '.', set()).add(name)
    for folder, own in names.items():
        for left in Path(folder).glob('.*.tmp'):
            match = re.fullmatch(r'\.(.+)\.[0-9a-f]{8}\.tmp', left.name, re.DOTALL)
            if match and match[1] in own:
                left.unlink()


@contextmanager
def lock_folder(folder, name=LOCK, shared=False):
    """Keep other runs out of a folder until the block ends, however it ends.

    Where there are no locks (Windows, some file systems of networks), nobody is kept
    out.

    Args:
        folder (str | Path): where a run writes.
        name (str): of the file in it that is locked, and stays.
        shared (bool): let others in that share it too.

    Raises:
        InputError: another run is at work in it.
    """
    with ExitStack() as stack:
        # What cannot be opened cannot be locked either: whoever writes will tell why.
        with suppress(OSError):
            file = stack.enter_context(open(os.path.join(folder, name), 'a+'))
            try:
                _lock(file, shared)
            except (BlockingIOError, PermissionError) as error:
                raise InputError(
                    f'{folder}: another run is at work in it; expected one at a time, '
                    'or another folder'
                ) from error
        yield


def _lock(file, shared):
    if fcntl is not None:
        # Not flock: of a process that is killed, children may live on for seconds, and
        # would keep such a lock.
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.lockf(file, kind | fcntl.LOCK_NB)


def open_file(path):
    """Open a file to read its bytes; a named pipe would be waited for.

    Args:
        path (str | Path): the file.

    Raises:
        InputError: it is missing, no file, or cannot be read.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError(f'{path}: is not a file')
        return open(path, 'rb')
    except FileNotFoundError:
        raise InputError(f'{path}: no such file') from None
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from error
    except ValueError as error:
        # A name with a zero byte.
        raise InputError(f'{path!r}: cannot be read ({error})') from error


def refuse_folder(error):
    """Raise InputError for a folder that cannot be read, see :func:`walk_files`."""
    raise InputError(
        f'{error.filename}: folder cannot be read ({error.strerror})'
    ) from error


def walk_files(folder, refuse=refuse_folder, recursive=True):
    """Go through the files below a folder, those of linked folders too.

    Each folder is looked into once, so that links in a circle have an end. Hidden ones
    are left out.

    Args:
        folder (str | Path): where to begin.
        refuse (callable): is called with the OSError of a folder that cannot be read;
            where it returns, the others go on.
        recursive (bool): look into folders in it too.

    Yields:
        str: a path below the folder, with the system's separators.
    """
    seen = set()
    for path, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(path)
        folders[:] = [] if real in seen else sorted(f for f in folders if f[0] != '.')
        if real not in seen:
            seen.add(real)
            below = os.path.relpath(path, folder)
            yield from (os.path.normpath(os.path.join(below, f)) for f in files)
        if not recursive:
            return


def make_folder(path):
    """Make a folder, with those above it; one that is there stays as it is.

    Args:
        path (str | Path): the folder.

    Raises:
        InputError: it cannot be made.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise InputError(f'{path}: folder cannot be made ({error.strerror})') from error


def part_of_name(text):
    """Return a text, such as a class, that becomes part of a file's name.

    Args:
        text (str): from a file of anybody's.

    Raises:
        InputError: the file would lie in another folder.
    """
    if '/' in text or '\\' in text or not text.isprintable():
        raise InputError(f'{text!r}: cannot be part of the name of a file')
    return text


def write_text(path, text):
    """Write a text file, UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path, data):
    """Write a file of bytes."""
    with atomic_write(path) as temporary, open(temporary, 'wb') as file:
        file.write(data)


def write_json(path, content):
    """Write plain values as JSON; NaN is refused with ValueError."""
    write_text(path, json.dumps(content, allow_nan=False))


def read_list(path):
    """Read a list of names, one a line.

    Names may hold blanks. What editors add is passed over: a byte order mark (UTF-8 or
    UTF-16), carriage returns, blank lines, blanks around a name.

    Args:
        path (str | Path): the list.

    Returns:
        List[str]: its names.

    Raises:
        InputError: it is missing, or text in another encoding.
    """
    with open_file(path) as file:
        return decode_list(file.read(), path)


def decode_list(data, where):
    """As :func:`read_list`, from a file's content.

    Args:
        data (bytes): the content.
        where (str | Path): what to call it in messages.
    """
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode('utf-16' if utf16 else 'utf-8-sig')
    except UnicodeDecodeError:
        text = '\0'
    # What UTF-16 without its mark is full of, and no name holds.
    if '\0' in text:
        raise InputError(f'{where}: not a list of names, expected text in UTF-8')
    return [line.strip() for line in text.splitlines() if line.strip()]


def sha256(data):
    """Return the sha256 of bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def fold_name(name):
    """Return what is equal for names that some file systems take for the same.

    Capitals and small letters; letters with accents, written as one or as two.

    Args:
        name (str): of a file.
    """
    return unicodedata.normalize('NFC', name.casefold())


def file_sha256(path):
    """Return the sha256 of a file, hexadecimal; InputError as :func:`open_file`."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        for block in iter(lambda: file.read(1 << 20), b''):
            digest.update(block)
    return digest.hexdigest()
