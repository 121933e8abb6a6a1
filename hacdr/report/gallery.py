"""The gallery of a folder of predictions: an index.html to look through them."""

import os
from pathlib import Path
from urllib.parse import quote

from hacdr.errors import counted
from hacdr.inference.tables import PAGE

from .templates import describe_lesions, write_page

COUNTING = (
    'A lesion is a group of touching pixels (8 neighbours) that reach the threshold. '
    'Here groups are counted in a copy reduced to 1440 pixels, lesion by lesion. The '
    'table (findings.csv) counts at full size and at the thresholds of the prediction, '
    'and gives each pixel one lesion at most: small and overlapping lesions may differ '
    'in number. The percentage is the share of the field of view.'
)


def write_gallery(output, head, records):
    """Write the gallery of a folder of predictions.

    The page loads what it shows of each image from files beside it, see
    :mod:`hacdr.inference.viewer_layers`, when it is looked at.

    Args:
        output (str | Path): the folder.
        head (dict): of findings.json: 'classes', 'colours', 'made_by', 'thresholds',
            and 'passed_over' if there is any.
        records (Iterable[dict]): one an image, without need for its 'findings'.

    Returns:
        Path: the page.

    Raises:
        InputError: it cannot be written.
    """
    names = head['classes'][1:]
    images = [_describe_image(record, names) for record in records]
    thresholds = head['thresholds'] or dict.fromkeys(names, 0.5)
    path = Path(output) / PAGE
    write_page(
        path,
        'gallery',
        # Pages from a disk have no origin, so that 'self' is nothing in some browsers.
        sources="'self' file:",
        number=counted(len(images), 'photograph'),
        thresholds=head['thresholds'],
        made_by=_describe_origin(head['made_by']),
        passed_over=head.get('passed_over', []),
        lesions={'each': describe_lesions(names, head['colours'][1:], thresholds)},
        images=images,
        counting=COUNTING,
        compared=False,
    )
    return path


def _describe_image(record, names):
    """Return what the page is told of one image."""
    lesions = [record['lesions'][name] for name in names]
    # Of the whole image, where no field of view was found.
    whole = record['fov_area'] or record['width'] * record['height']
    return {
        'name': record['image'],
        'output': record['output'],
        # Names need not be text; what stands in the address is their bytes.
        'url': quote(os.fsencode(record['output'])),
        'size': f'{record["width"]}x{record["height"]} pixels',
        'numbers': [lesion['number'] for lesion in lesions],
        'shares': [lesion['area'] / whole for lesion in lesions],
        'warnings': record['warnings'],
        'notes': record['notes'],
    }


def _describe_origin(made_by):
    """Return what made the predictions: names, and values where they have some."""
    described = []
    for name, value in made_by.items():
        if isinstance(value, str):
            # Of a sha256 the beginning tells enough.
            described.append((name, value[:12] if len(value) == 64 else value))
        elif value is True:
            described.append((name, None))
    return described
