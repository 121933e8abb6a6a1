"""results.json: everything a report or a comparison needs, from one test."""

from __future__ import annotations

import base64
import os
import platform
import zlib
from importlib import import_module
from typing import Sequence

import numpy as np

from hacdr.errors import InputError, first_line
from hacdr.files import read_json, write_json
from hacdr.lesions import LESIONS
from hacdr.stack import read_version

from .histogram import THRESHOLDS, Histogram
from .matching import LesionMatches, shortest_floats
from .protocol import Protocol
from .scores import ImageScores
from .shape import check_results
from .summary import photograph_figures

FORMAT = 'hacdr results'
VERSION = 3

# What a config has photographs for.
SPLITS = 'train', 'val', 'test'


def results_name(split: str) -> str:
    """Return the name of the results file of a split: results.json is the test set's.

    Args:
        split (str): 'test', 'val' or 'train'.

    Returns:
        str: a file name.
    """
    return 'results.json' if split == 'test' else f'results_{split}.json'


def write_results(
    path: str,
    scores: Sequence[ImageScores],
    photographs: Sequence[str],
    ground_truths: Sequence[str],
    summary: dict,
    protocol: Protocol,
    label_maps: Sequence[str] | None = None,
    lesions: Sequence[str] = LESIONS,
    **about: object,
) -> None:
    """Write the scores of a test; the file appears whole or not at all.

    Args:
        path (str): the file.
        scores (Sequence[ImageScores]): one for each photograph.
        photographs (Sequence[str]): their files, below ``data_root``, in the order of
            ``scores``.
        ground_truths (Sequence[str]): files of their label maps or masks, likewise.
        summary (dict): from :func:`hacdr.evaluation.summarise`.
        protocol (Protocol): how the scores were computed.
        label_maps (Sequence[str], optional): files of the label maps, by default
            ``ground_truths``.
        lesions (Sequence[str]): their names.
        **about: 'split', 'dataset', 'data_root', 'config', 'checkpoint_sha256',
            'label_values' (value in the label maps -> 1 for the first of ``lesions``
            and so on, 0 for others; None where they are the field's) and
            'probabilities' (folder of the planes kept, relative to this file, or
            None).
    """
    thresholds = summary['thresholds']
    at = None if thresholds is None else [thresholds[name] for name in lesions]
    content = {
        'format': FORMAT,
        'version': VERSION,
        'protocol': protocol.as_dict(),
        **about,
        'lesions': list(lesions),
        'summary': summary,
        'packages': _versions(),
        'photographs': [
            {
                'name': os.path.splitext(os.path.basename(image))[0],
                'image': image,
                'ground_truth': ground_truth,
                'label_map': label_map,
                'figures': photograph_figures(one, at, lesions),
                **_encode(one),
            }
            for image, ground_truth, label_map, one in zip(
                photographs, ground_truths, label_maps or ground_truths, scores
            )
        ],
    }
    write_json(path, content)


def read_results(path: str) -> tuple[dict, list[ImageScores]]:
    """Read a results file.

    Args:
        path (str): the file.

    Returns:
        tuple[dict, list[ImageScores]]: the file's content, and the scores of its
        photographs.

    Raises:
        InputError: no such file, cut off, not a results file of this version, or a
            value in it is missing or of another kind than ``hacdr test`` writes.
    """
    content = read_content(path)
    lesions = len(content['lesions'])
    scores = []
    for number, image in enumerate(content['photographs']):
        try:
            scores.append(_decode(image, lesions))
        except (KeyError, TypeError, ValueError, OverflowError, zlib.error) as error:
            name = image.get('name', number) if isinstance(image, dict) else number
            raise InputError(
                f'{path}: damaged at photograph {name} ({error})'
            ) from error
    return content, scores


def read_content(path: str) -> dict:
    """As :func:`read_results`, the content alone; the scores in it stay encoded."""
    content = read_json(path)
    if not isinstance(content, dict) or (
        (content.get('format'), content.get('version')) != (FORMAT, VERSION)
    ):
        raise InputError(
            f'{path}: not a results file of version {VERSION} as hacdr test writes'
        )
    check_results(content, path)
    try:
        Protocol(**content['protocol'])
    except (TypeError, InputError) as error:
        raise InputError(f'{path}: damaged, protocol: {first_line(error)}') from error
    return content


def _encode(image):
    return {
        'height': image.size[0],
        'width': image.size[1],
        'pixels': image.pixels,
        'counts': image.counts.tolist(),
        'above': None if image.above is None else image.above.tolist(),
        'histograms': [
            {
                'positive_keys': _pack(-np.diff(one.positive_keys, prepend=0)),
                'positives': _pack(one.positives),
                'negative_keys': _pack(-np.diff(one.negative_keys, prepend=0)),
                'negatives': _pack(one.negatives),
            }
            for one in image.histograms
        ],
        'matches': [
            {
                'found_at': shortest_floats(one.found_at),
                'thresholds': shortest_floats(one.thresholds),
                'predicted': one.predicted.tolist(),
                'false': one.false.tolist(),
            }
            for one in image.matches
        ],
        'probabilities': image.files,
    }


def _decode(entry, lesions):
    above = entry['above']
    for name in ('histograms', 'matches'):
        if len(entry[name]) not in (0, lesions):
            raise ValueError(f'{len(entry[name])} {name}, expected {lesions}')
    if 'AUPR' in entry['figures'] and not entry['histograms']:
        raise ValueError('AUPR without histograms')
    return ImageScores(
        size=(entry['height'], entry['width']),
        pixels=entry['pixels'],
        counts=np.array(entry['counts'], np.int64).reshape(3, lesions),
        above=None
        if above is None
        else np.array(above, np.int64).reshape(lesions, 2, len(THRESHOLDS)),
        histograms=[
            Histogram(
                (-np.cumsum(_unpack(one['positive_keys']))).astype(np.int32),
                _unpack(one['positives']),
                (-np.cumsum(_unpack(one['negative_keys']))).astype(np.int32),
                _unpack(one['negatives']),
            )
            for one in entry['histograms']
        ],
        matches=[
            LesionMatches(
                np.array(one['found_at'], np.float32),
                np.array(one['thresholds'], np.float32),
                np.array(one['predicted'], np.int64),
                np.array(one['false'], np.int64),
            )
            for one in entry['matches']
        ],
        files=entry['probabilities'],
    )


def _pack(values):
    """Return int32 values as text; equal bytes of all of them lie side by side."""
    columns = values.astype('<i4').view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(zlib.compress(columns.tobytes(), 9)).decode()


def _unpack(text):
    raw = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return raw.reshape(4, -1).T.copy().view('<i4')[:, 0].astype(np.int64)


def _versions():
    imported = {
        name: import_module(name).__version__
        for name in ('hacdr', 'numpy', 'numba', 'cv2')
    }
    # Absent where only scores are computed.
    found = {name: read_version(name) for name in ('mmseg', 'mmcv', 'torch')}
    found = {name: version for name, version in found.items() if version}
    return {'python': platform.python_version(), **imported, **found}
