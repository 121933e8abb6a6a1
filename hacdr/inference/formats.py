"""Findings as annotation tools read them: COCO, LabelMe, GeoJSON.

All three hold the outlines alone: a hole in a lesion is filled, though it does not
count in its area. Each function takes the folder of predictions, the head of
findings.json, and a function that goes through the records.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Callable, Iterator

from tqdm import tqdm

from hacdr.errors import printable
from hacdr.files import atomic_write, make_folder, sha256, write_text

COCO = 'coco.json'
# Key of LabelMe's files: sha256 of the shapes as they were predicted.
UNTOUCHED = 'hacdr_shapes_sha256'


def write_coco(
    output: Path,
    head: dict,
    read_images: Callable[[], Iterator[dict]],
) -> None:
    """Write ``coco.json``, one file for all photographs (cocodataset.org, data format).

    Boxes and polygons are in pixels from the upper left corner; 'score' is the mean
    probability. Names of files are paths in the folder of the photographs, or in the
    one that all such folders are in.
    """
    sources = {image['source'] for image in read_images()}
    root = os.path.commonpath(sources) if sources else ''
    categories = [
        {'id': value, 'name': name, 'supercategory': 'lesion'}
        for value, name in enumerate(head['classes'][1:], 1)
    ]
    with atomic_write(output / COCO) as temporary, open(
        temporary, 'w', encoding='utf-8'
    ) as file:
        start = {'info': {'made_by': head['made_by']}, 'categories': categories}
        file.write(json.dumps(start)[:-1])
        images = (
            _coco_image(number, image, root)
            for number, image in _numbered(read_images())
        )
        _write_list(file, 'images', images)
        _write_list(file, 'annotations', _coco_annotations(head, read_images()))
        file.write('\n}\n')


def write_labelme(
    output: Path,
    head: dict,
    read_images: Callable[[], Iterator[dict]],
) -> None:
    """Write ``labelme/NAME.json``, a file a photograph, as LabelMe saves them.

    ``labelme PHOTOGRAPHS --output OUT/labelme --nodata`` opens them. What was corrected
    there is kept, and told.
    """
    for image in read_images():
        path = _path_of(output, 'labelme', image)
        if is_corrected(path):
            tqdm.write(f'{printable(path)}: corrected, kept as it is', file=sys.stderr)
            continue
        make_folder(path.parent)
        folder, name = os.path.split(os.path.join(image['source'], image['image']))
        # Of links: '..' leads from where they end.
        folder = os.path.relpath(*map(os.path.realpath, (folder, path.parent)))
        content = {
            'version': '5.0.0',
            'flags': {},
            'shapes': [
                {
                    'label': finding['lesion'],
                    'points': finding['contour'],
                    'group_id': None,
                    'shape_type': 'polygon',
                    'flags': {},
                }
                for finding in image['findings']
            ],
            'imagePath': Path(folder, name).as_posix(),
            'imageData': None,
            'imageHeight': image['height'],
            'imageWidth': image['width'],
        }
        # LabelMe keeps what it does not know when it saves.
        content[UNTOUCHED] = _digest(content['shapes'])
        write_text(path, json.dumps(content))


def is_corrected(path: Path) -> bool:
    """Tell whether a file of LabelMe's has other shapes than it was written with.

    Args:
        path (Path): the file; one that is not there is not corrected.
    """
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
        return content.get(UNTOUCHED) != _digest(content['shapes'])
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (ValueError, AttributeError, KeyError):
        # Written by another program.
        return True


def put_aside(path: Path) -> Path:
    """Give a corrected file a name under which nothing is written; return it."""
    aside, number = path.with_name(f'{path.name}.corrected'), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f'{path.name}.corrected{number}')
    return path.rename(aside)


def _digest(shapes):
    return sha256(json.dumps(shapes).encode())


def write_geojson(
    output: Path,
    head: dict,
    read_images: Callable[[], Iterator[dict]],
) -> None:
    """Write ``geojson/NAME.geojson``, a file a photograph, in pixels as QuPath has it.

    A lesion whose parts touch by corners alone is a MultiPolygon of these parts: a ring
    may not touch itself.
    """
    colours = dict(zip(head['classes'], head['colours']))
    for image in read_images():
        path = _path_of(output, 'geojson', image)
        make_folder(path.parent)
        features = [
            _feature(finding, colours[finding['lesion']])
            for finding in image['findings']
        ]
        content = {'type': 'FeatureCollection', 'features': features}
        write_text(path, json.dumps(content))


# Name of a format -> what writes it.
FORMATS = {'coco': write_coco, 'labelme': write_labelme, 'geojson': write_geojson}
SUFFIXES = {'labelme': '.json', 'geojson': '.geojson'}


def files_of_formats(name: str) -> list[str]:
    """Return what the formats write for one photograph, as paths in the folder."""
    return [file_of_format(kind, name) for kind in SUFFIXES]


def file_of_format(kind: str, name: str) -> str:
    """Return what a format writes for one photograph, as a path in the folder."""
    return f'{kind}/{name}{SUFFIXES[kind]}'


def _path_of(output, kind, image):
    return output / file_of_format(kind, image['output'])


def _write_list(file, key, values):
    file.write(f',\n"{key}": [')
    for index, value in enumerate(values):
        file.write((',' if index else '') + '\n' + json.dumps(value))
    file.write(']')


def _numbered(images):
    return enumerate(images, 1)


def _coco_image(number, image, root):
    photograph = os.path.join(image['source'], image['image'])
    return {
        'id': number,
        'file_name': Path(os.path.relpath(photograph, root)).as_posix(),
        'width': image['width'],
        'height': image['height'],
    }


def _coco_annotations(head, images):
    number = 0
    for image_id, image in _numbered(images):
        for finding in image['findings']:
            number += 1
            yield {
                'id': number,
                'image_id': image_id,
                'category_id': head['classes'].index(finding['lesion']),
                'bbox': finding['box'],
                'area': finding['area'],
                'segmentation': [[c for corner in finding['contour'] for c in corner]],
                'iscrowd': 0,
                'score': finding['mean_probability'],
            }


def _feature(finding, colour):
    rings = [[_close(ring)] for ring in split_ring(finding['contour'])]
    single = len(rings) == 1
    return {
        'type': 'Feature',
        'geometry': {
            'type': 'Polygon' if single else 'MultiPolygon',
            'coordinates': rings[0] if single else rings,
        },
        'properties': {
            # QuPath's names.
            'objectType': 'annotation',
            'classification': {'name': finding['lesion'], 'color': colour},
            'area': finding['area'],
            'mean_probability': finding['mean_probability'],
            'largest_probability': finding['largest_probability'],
        },
    }


def split_ring(contour: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Cut a closed line where it touches itself.

    Args:
        contour (List[Tuple[int, int]]): corners, the first not repeated.

    Returns:
        List[List[Tuple[int, int]]]: closed lines that pass no corner twice.
    """
    rings, path, places = [], [], {}
    for corner in map(tuple, contour):
        if corner in places:
            start = places[corner]
            rings.append(path[start:])
            for left in path[start + 1 :]:
                del places[left]
            del path[start + 1 :]
        else:
            places[corner] = len(path)
            path.append(corner)
    rings.append(path)
    return rings


def _close(ring):
    """Return a ring as GeoJSON has it: counter-clockwise, the first corner repeated."""
    following = ring[1:] + ring[:1]
    doubled = sum(x * v - u * y for (x, y), (u, v) in zip(ring, following))
    ring = ring if doubled > 0 else ring[::-1]
    return [*ring, ring[0]]
