"""What a converted data set looks like on disk, and how it gets there whole."""

import errno
import fcntl
import glob
import io
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import cv2
from PIL import Image

from hacdr.errors import InputError
from hacdr.lesions import IGNORED, PALETTE

MANIFEST = 'manifest.json'
# Raised when the files of a converted set change their meaning.
LAYOUT_VERSION = 3
SUFFIXES = {'JPEG': '.jpg', 'PNG': '.png'}
# RGB of all 256 values of a label map.
LABEL_PALETTE = [*PALETTE, *[[0, 0, 0]] * (IGNORED - len(PALETTE)), [128, 128, 128]]


def photograph_path(subset, name, file_format='JPEG'):
    """Path of a photograph below the data set's root.

    Args:
        subset (str): 'train' or 'test'.
        name (str): the photograph's name, without suffix.
        file_format (str): 'JPEG' or 'PNG', the same in the whole data set.

    Returns:
        str: ``images/<subset>/<name>.jpg`` or ``.png``.
    """
    return f'images/{subset}/{name}{SUFFIXES[file_format]}'


def label_path(subset, name):
    """Path of a label map (values 0 to 4, 255 to ignore), arguments as above."""
    return f'labels/{subset}/{name}.png'


def mask_path(subset, name):
    """Path of a bit map (see ``merging.to_bits``), arguments as above."""
    return f'masks/{subset}/{name}.png'


def split_path(split):
    """Path of a list of photographs, one name a line."""
    return f'splits/{split}.txt'


def split_text(names):
    """Content of such a list, given the names."""
    return ''.join(f'{name}\n' for name in names).encode()


def write_bytes(path, data):
    """Write a file of a data set under construction, with its folders.

    Args:
        path (Path): the file.
        data (bytes): its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def encode_png(values, palette=None):
    """Encode a map of small integers as 8-bit PNG of one channel.

    Args:
        values (np.ndarray): uint8 (H, W).
        palette (list, optional): RGB of all 256 values; grey where it is left out.

    Returns:
        bytes: the file's content.
    """
    image = Image.fromarray(values)
    if palette is not None:
        image.putpalette([int(c) for colour in palette for c in colour])
    file = io.BytesIO()
    # Run-length matching packs flat areas as well as zlib's best level, at once.
    image.save(file, format='PNG', compress_level=1, compress_type=3)
    return file.getvalue()


def encode_photograph(photograph, file_format):
    """Encode a photograph that was changed.

    Args:
        photograph (np.ndarray): BGR, uint8 (H, W, 3).
        file_format (str): 'JPEG' (at quality 95) or 'PNG'.

    Returns:
        bytes: the file's content.
    """
    file = io.BytesIO()
    rgb = cv2.cvtColor(photograph, cv2.COLOR_BGR2RGB)
    Image.fromarray(rgb).save(file, format=file_format, quality=95)
    return file.getvalue()


def adopt(earlier, folder, path):
    """Take a file over from an earlier conversion; on disk it is the same one.

    Args:
        earlier (Path): the root of the earlier conversion.
        folder (Path): the root of the data set under construction.
        path (str): the file below both.
    """
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(earlier / path, target)
    except OSError:
        # Not every file system has links.
        shutil.copyfile(earlier / path, target)


def write_manifest(folder, manifest):
    """Write ``manifest.json``.

    Args:
        folder (Path): the data set's root.
        manifest (dict): only what JSON knows.
    """
    text = json.dumps(manifest, indent=1) + '\n'
    write_bytes(folder / MANIFEST, text.encode())


def read_manifest(folder):
    """Read the manifest of a converted data set.

    Args:
        folder (str | Path): the data set's root.

    Returns:
        dict | None: None where there is none or it is not ours.
    """
    try:
        manifest = json.loads((Path(folder) / MANIFEST).read_text())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) and 'layout' in manifest else None


def expected_files(manifest):
    """List the files of a data set.

    Args:
        manifest (dict): as :func:`read_manifest` returns it.

    Returns:
        Set[str]: paths below its root, '/' between the parts.
    """
    files = {MANIFEST} | {split_path(split) for split in manifest['splits']}
    for image in manifest['images']:
        files.update(image_files(image, manifest['photograph_format']))
    return files


def image_files(image, file_format):
    """List the files of one photograph.

    Args:
        image (dict): its entry in the manifest.
        file_format (str): of the data set's photographs.

    Returns:
        Dict[str, str]: path of the photograph, label map and bit map -> their
        sha256 according to the manifest.
    """
    where = image['subset'], image['name']
    return {
        photograph_path(*where, file_format): image['photograph_sha256'],
        label_path(*where): image['label_sha256'],
        mask_path(*where): image['mask_sha256'],
    }


def present_files(folder):
    """List the files that lie below a folder, as :func:`expected_files` does."""
    folder = Path(folder)
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if not path.is_dir()
    }


@contextmanager
def new_folder(output):
    """Fill a folder that appears complete or not at all.

    Args:
        output (str | Path): the folder; one that stands there is replaced at the
            end (the caller has made sure that nothing of value is in it).

    Yields:
        Path: an empty folder beside it, renamed when the block ends well and
        removed when it does not.

    Raises:
        InputError: it cannot be created or written.
    """
    output = Path(output).resolve()
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        building, lock = _begin(output)
    except OSError as error:
        raise InputError(f'{output}: cannot be created ({error.strerror})') from error
    replaced = building.with_name(building.name + '.old')
    try:
        yield building
        os.chmod(building, 0o777 & ~_umask())
        if output.exists():
            os.rename(output, replaced)
        os.rename(building, output)
    except OSError as error:
        hint = ', free some space' if error.errno == errno.ENOSPC else ''
        raise InputError(
            f'{output}: cannot be written ({error.strerror}){hint}'
        ) from error
    finally:
        if replaced.exists() and not output.exists():
            os.rename(replaced, output)
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(replaced, ignore_errors=True)
        os.close(lock)


def _begin(output):
    """A new folder beside the output and a lock on it, held until it is closed.

    What killed runs left is removed: nobody holds the lock of such a folder.
    """
    prefix = f'.{output.name}.converting.'
    parent = os.open(output.parent, os.O_RDONLY)
    try:
        # Of two runs that begin, none may see a folder of the other without lock.
        _try_lock(parent, fcntl.LOCK_EX)
        for left in output.parent.glob(f'{glob.escape(prefix)}*'):
            _remove_if_dead(left, output)
        building = Path(tempfile.mkdtemp(prefix=prefix, dir=output.parent))
        lock = os.open(building, os.O_RDONLY)
        _try_lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(parent)
    return building, lock


def _remove_if_dead(left, output):
    # The only copy of a set that was about to be replaced stays.
    if left.suffix == '.old' and not output.exists():
        return
    try:
        lock = os.open(left, os.O_RDONLY)
    except OSError:
        return
    try:
        if _try_lock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(left, ignore_errors=True)
    finally:
        os.close(lock)


def _try_lock(descriptor, operation):
    try:
        fcntl.flock(descriptor, operation)
    except OSError:
        # Somebody has it, or the file system knows no locks of folders.
        return False
    return True


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
