"""What a converted data set looks like on disk, and how it gets there whole."""

import errno
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from hacdr.datasets.lesion import LesionDataset
from hacdr.errors import InputError

MANIFEST = 'manifest.json'
# Raised when the files of a converted set change their meaning.
LAYOUT_VERSION = 1


def photograph_path(subset, name):
    """Path of a photograph below the data set's root.

    Args:
        subset (str): 'train' or 'test'.
        name (str): the photograph's name, without suffix.

    Returns:
        str: ``images/<subset>/<name>.jpg``.
    """
    return f'images/{subset}/{name}.jpg'


def label_path(subset, name):
    """Path of a label map (values 0 to 4), arguments as above."""
    return f'labels/{subset}/{name}.png'


def mask_path(subset, name):
    """Path of a bit map (bit k - 1 for lesion k), arguments as above."""
    return f'masks/{subset}/{name}.png'


def split_path(split):
    """Path of a list of photographs, one name a line."""
    return f'splits/{split}.txt'


def write_bytes(path, data):
    """Write a file of a data set under construction, with its folders.

    Args:
        path (Path): the file.
        data (bytes): its content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_png(path, values, palette=None):
    """Write a map of small integers as 8-bit PNG of one channel.

    Args:
        path (Path): the file.
        values (np.ndarray): uint8 (H, W).
        palette (list, optional): RGB of each value; grey where it is left out.
    """
    image = Image.fromarray(values)
    if palette is not None:
        image.putpalette([int(c) for colour in palette for c in colour])
    path.parent.mkdir(parents=True, exist_ok=True)
    # Run-length matching packs flat areas as well as zlib's best level, at once.
    image.save(path, format='PNG', compress_level=1, compress_type=3)


def write_label(path, labels):
    """Write a label map in the colours of the lesions.

    Args:
        path (Path): the file.
        labels (np.ndarray): uint8 (H, W), values 0 to 4.
    """
    write_png(path, labels, LesionDataset.PALETTE)


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
        where = image['subset'], image['name']
        files |= {photograph_path(*where), label_path(*where), mask_path(*where)}
    return files


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
        building = Path(tempfile.mkdtemp(prefix=f'.{output.name}.', dir=output.parent))
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


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask
