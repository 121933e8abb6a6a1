"""Photographs of one's own, annotated with LabelMe."""

from __future__ import annotations

import base64
import binascii
import io

import numpy as np

from hacdr.conversion.own.annotations import Annotated, plan_annotated
from hacdr.conversion.own.json_files import read_json_files, take, take_size
from hacdr.conversion.own.photographs import Options
from hacdr.conversion.own.shapes import circle, fill_polygon, read_points, rectangle
from hacdr.conversion.plan import Plan
from hacdr.conversion.sources import Source
from hacdr.errors import InputError
from hacdr.images import decode_image


def read_labelme(source: Source, options: Options) -> Plan:
    """Find photographs, and the LabelMe files (.json) that tell what is in them.

    Labels are called as the classes are. A file without shapes says that there is no
    lesion; a photograph without a file is left out.

    Args:
        source (Source): as ``open_source`` returns it.
        options (Options): what the user says.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: no LabelMe file; one that is not as the format has it; two for one
            photograph; a label that means nothing.
    """
    annotated = [
        _read_file(content, file, source.where(file))
        for file, content in read_json_files(source)
        if {'shapes', 'imagePath'} <= {*content}
    ]
    if not annotated:
        raise InputError(
            f'{source.path}: no LabelMe file found, expected a .json with "shapes" and '
            '"imagePath" for each photograph'
        )
    return plan_annotated(source, annotated, None, options, 'LabelMe', _fill)


def _read_file(content, file, where):
    shapes = [
        (take(shape, 'label', str, f'{where}: shape {number}'), shape)
        for number, shape in enumerate(take(content, 'shapes', list, where), 1)
    ]
    # Whoever renames the photograph renames the file with it.
    paths = take(content, 'imagePath', str, where), file
    return Annotated(
        file, paths, take_size(content, 'imageWidth', 'imageHeight', where), shapes
    )


def _fill(mask, shape, where):
    """Set the pixels of a shape."""
    kind = shape.get('shape_type') or 'polygon'
    points = shape.get('points')
    if kind == 'polygon':
        return fill_polygon(mask, read_points(points, where))
    if kind == 'rectangle':
        return fill_polygon(mask, _read_rectangle(points, where))
    if kind == 'circle':
        return fill_polygon(mask, circle(*read_points(points, where, 2)[:2]))
    if kind == 'mask':
        return _paste(mask, shape.get('mask'), read_points(points, where, 2), where)
    raise InputError(
        f'{where}: is a {kind}, which has no area; expected polygon, rectangle, circle '
        'or mask'
    )


def _read_rectangle(points, where):
    """Corners of a rectangle: LabelMe has two opposite ones, X-AnyLabeling all four."""
    corners = read_points(points, where, 2)
    if len(corners) not in (2, 4):
        raise InputError(
            f'{where}: is a rectangle of {len(corners)} points, expected two opposite '
            'corners or all four'
        )
    return rectangle(*corners) if len(corners) == 2 else corners


def _paste(mask, encoded, points, where):
    """Set the pixels of a small mask, a PNG in base64, at its upper left corner."""
    try:
        data = base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise InputError(f'{where}: its mask is not in base64') from error
    drawn = np.asarray(decode_image(io.BytesIO(data), where, 'mask').convert('L')) > 0
    left, top = np.floor(points[0]).astype(int)
    height, width = drawn.shape
    if (
        left < 0
        or top < 0
        or left + width > mask.shape[1]
        or top + height > mask.shape[0]
    ):
        return False
    mask[top : top + height, left : left + width] |= drawn
    return True
