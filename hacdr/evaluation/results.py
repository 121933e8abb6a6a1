"""results.json: everything a report or a comparison needs, from one test."""

import base64
import json
import os
import platform
import zlib
from importlib import import_module

import numpy as np

from hacdr.errors import InputError

from .scores import LESIONS, PROTOCOL, ImageScores, summarise

FORMAT = 'hacdr results'
VERSION = 1


def write_results(path, scores, *, config, checkpoint_sha256, dataset, photographs):
    """Write the scores of a test; the file appears whole or not at all.

    Args:
        path (str): the file.
        scores (Sequence[ImageScores]): one for each photograph.
        config (str): the config file.
        checkpoint_sha256 (str): the checkpoint's sha256.
        dataset (str): the data set's type.
        photographs (Sequence[str]): file names, in the order of ``scores``.
    """
    content = {
        'format': FORMAT,
        'version': VERSION,
        'protocol': {'name': PROTOCOL, 'version': 1, 'region': 'whole picture'},
        'config': config,
        'checkpoint_sha256': checkpoint_sha256,
        'dataset': dataset,
        'lesions': list(LESIONS),
        'summary': _without_nan(summarise(scores)),
        'packages': _versions(),
        'photographs': [
            {'name': name, **_encode(image)} for name, image in zip(photographs, scores)
        ],
    }
    temporary = f'{path}.tmp'
    with open(temporary, 'w') as file:
        json.dump(content, file, allow_nan=False)
    os.replace(temporary, path)


def read_results(path):
    """Read a results file.

    Args:
        path (str): the file.

    Returns:
        tuple[dict, list[ImageScores]]: the file's content, and the scores of its
        photographs.

    Raises:
        InputError: no such file, cut off, or not a results file of this version.
    """
    try:
        with open(path) as file:
            content = json.load(file)
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}') from error
    except ValueError as error:
        raise InputError(f'{path}: not JSON or cut off ({error})') from error
    kind = (content.get('format'), content.get('version')) if content else None
    if kind != (FORMAT, VERSION):
        raise InputError(
            f'{path}: not a results file of version {VERSION} as tools/test.py writes'
        )
    return content, [_decode(image) for image in content['photographs']]


def _encode(image):
    counts = {
        key: getattr(image, key).tolist()
        for key in ('intersection', 'predicted', 'actual')
    }
    # A photograph fills some ten thousand bins: as text it would be a megabyte.
    packed = [
        base64.b64encode(
            zlib.compress(np.stack(histogram).astype('<i8').tobytes())
        ).decode()
        for histogram in image.histograms
    ]
    return {**counts, 'histograms': packed}


def _decode(entry):
    counts = [
        np.array(entry[key], np.int64)
        for key in ('intersection', 'predicted', 'actual')
    ]
    histograms = []
    for packed in entry['histograms']:
        raw = np.frombuffer(zlib.decompress(base64.b64decode(packed)), '<i8')
        bins, positives, negatives = raw.reshape(3, -1)
        histograms.append((bins.astype(np.uint32), positives, negatives))
    return ImageScores(*counts, histograms)


def _without_nan(summary):
    """Return the summary with null for NaN, which JSON does not know."""
    return {
        metric: {k: None if np.isnan(v) else v for k, v in values.items()}
        for metric, values in summary.items()
    }


def _versions():
    names = ('hacdr', 'mmseg', 'mmcv', 'torch', 'numpy', 'numba')
    versions = {name: import_module(name).__version__ for name in names}
    return {'python': platform.python_version(), **versions}
