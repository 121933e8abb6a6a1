"""Files and folders, whoever wrote them: opened, listed, told by their content."""

import codecs
import hashlib
import json
import os
import stat

from hacdr.errors import InputError


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


def require_checkpoint(path):
    """Refuse a file of weights that is not there; addresses are looked up later.

    Args:
        path (str): file, or an address that mmcv knows.

    Raises:
        InputError: no such file.
    """
    if '://' not in path and not os.path.isfile(path):
        raise InputError(f'{path}: no such checkpoint file')


def refuse_folder(error):
    """Raise InputError for a folder that cannot be read, see :func:`walk_files`."""
    raise unreadable_folder(error) from error


def unreadable_folder(error):
    """Return the InputError for the OSError of a folder that cannot be read."""
    return InputError(f'{error.filename}: folder cannot be read ({error.strerror})')


def walk_files(folder, refuse=refuse_folder, recursive=True):
    """Go through the files below a folder, those of linked folders too.

    Each folder is looked into once, so that links in a circle have an end. Hidden
    folders are left out, hidden files are not.

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


def read_json(path):
    """Return what a JSON file holds; InputError where it cannot be read or is none."""
    try:
        with open(path) as file:
            return json.load(file)
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}') from error
    except ValueError as error:
        raise InputError(f'{path}: not JSON or cut off ({error})') from error


def sha256(data):
    """Return the sha256 of bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path):
    """Return the sha256 of a file, hexadecimal; InputError as :func:`open_file`."""
    digest = hashlib.sha256()
    with open_file(path) as file:
        try:
            for block in iter(lambda: file.read(1 << 20), b''):
                digest.update(block)
        except OSError as error:
            raise InputError(f'{path}: cannot be read ({error.strerror})') from error
    return digest.hexdigest()
