"""Photographs of one's own, annotated in COCO's format."""

from __future__ import annotations

from collections import defaultdict

from hacdr.conversion.own.annotations import Annotated, plan_annotated
from hacdr.conversion.own.json_files import read_json_files, take, take_size
from hacdr.conversion.own.photographs import Options
from hacdr.conversion.own.shapes import decode_runs, fill_polygon, read_points
from hacdr.conversion.plan import Plan
from hacdr.conversion.sources import Source
from hacdr.errors import InputError


def read_coco(source: Source, options: Options) -> Plan:
    """Find photographs, and the COCO files (.json) that tell what is in them.

    Categories are called as the classes are. A photograph that a file lists without
    annotations has no lesion; one that none lists is left out.

    Args:
        source (Source): as ``open_source`` returns it.
        options (Options): what the user says.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: no COCO file; one that is not as the format has it; a photograph
            that is listed twice; a category that means nothing.
    """
    annotated, categories = [], set()
    for file, content in read_json_files(source):
        if {'images', 'annotations'} <= {*content}:
            where = source.where(file)
            names = _read_categories(content, where)
            categories.update(names.values())
            annotated += _read_images(content, names, file, where)
    if not annotated:
        raise InputError(
            f'{source.path}: no COCO file found that lists photographs; expected a '
            '.json with "images", "annotations" and "categories"'
        )
    return plan_annotated(source, annotated, categories, options, 'COCO', _fill)


def _read_categories(content, where):
    categories = {}
    for number, category in enumerate(take(content, 'categories', list, where), 1):
        what = f'{where}: category {number}'
        key, name = take(category, 'id', int, what), take(category, 'name', str, what)
        if categories.setdefault(key, name) != name:
            raise InputError(f'{what}: {categories[key]!r} has its id {key} too')
    return categories


def _read_images(content, categories, file, where):
    """What a file says of each of its photographs."""
    shapes = defaultdict(list)
    for number, annotation in enumerate(take(content, 'annotations', list, where), 1):
        what = f'{where}: annotation {number}'
        category = take(annotation, 'category_id', int, what)
        if category not in categories:
            raise InputError(f'{what}: no category has its category_id {category}')
        image = take(annotation, 'image_id', int, what)
        shapes[image].append((categories[category], annotation.get('segmentation')))
    images = {}
    for number, image in enumerate(take(content, 'images', list, where), 1):
        what = f'{where}: image {number}'
        key = take(image, 'id', int, what)
        if key in images:
            raise InputError(f'{what}: another image has its id {key}')
        name = take(image, 'file_name', str, what)
        size = take_size(image, 'width', 'height', what)
        images[key] = Annotated(file, (name,), size, shapes.pop(key, []))
    if shapes:
        raise InputError(f'{where}: no image has the image_id {min(shapes)}')
    return images.values()


def _fill(mask, segmentation, where):
    """Set the pixels of an annotation: polygons, or runs."""
    if isinstance(segmentation, dict):
        size = segmentation.get('size')
        if size != [*mask.shape]:
            raise InputError(f'{where}: its runs are for {size}, expected {mask.shape}')
        mask |= decode_runs(segmentation.get('counts'), mask.shape, where)
        return True
    if not isinstance(segmentation, list) or not segmentation:
        raise InputError(f'{where}: has no segmentation, expected polygons or runs')
    inside = False
    for polygon in segmentation:
        flat = isinstance(polygon, list) and len(polygon) % 2 == 0
        pairs = [*zip(polygon[::2], polygon[1::2])] if flat else None
        inside |= fill_polygon(mask, read_points(pairs, where))
    return inside
