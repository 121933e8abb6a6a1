"""The layers of a photograph on the page: itself, ground truth, probabilities."""

import os.path as osp

import numpy as np

from hacdr.errors import InputError
from hacdr.evaluation import ground_truth_bits
from hacdr.images import read_map, read_photograph
from hacdr.inference.viewer_layers import photograph_uri, png_uri
from hacdr.lesions import IGNORED, IGNORED_BIT
from hacdr.preprocess.field_of_view import field_of_view
from hacdr.preprocess.maps import reduce_bits, select_bits


def encode_layers(entry, results_path, content, data_root):
    """Read and encode what the page shows of one photograph.

    All layers get the size of the probabilities. In the ground truth, lesions keep at
    least one pixel, see :func:`~hacdr.preprocess.maps.reduce_bits`.

    Args:
        entry (dict): of the photograph in results.json.
        results_path (str): results.json; probabilities lie beside it.
        content (dict): all of results.json.
        data_root (str): converted data.

    Returns:
        dict: 'width' and 'height' in pixels; 'photograph', 'ground_truth' (grey
        PNG, bit k for lesion k, bit 7 where a pixel does not count) and 'planes' (for
        each lesion a grey PNG, 255 times the probability) as data URIs.

    Raises:
        InputError: a file is missing, cannot be decoded or has another size or values
            that no map holds; or the ground truth is not the one that was tested.
    """
    masks = content['protocol']['ground_truth'] == 'masks'
    if not entry.get('ground_truth') or (masks and not entry.get('label_map')):
        raise InputError(
            f'{results_path}: no ground truth of {entry["name"]} is named; test again'
        )
    planes = _read_planes(entry, results_path, content)
    height, width = planes[0].shape
    photograph = read_photograph(osp.join(data_root, entry['image']))
    expected = entry['height'], entry['width']
    if photograph.shape[:2] != expected:
        raise InputError(
            f'{osp.join(data_root, entry["image"])}: {_size(photograph.shape)}, '
            f'expected {_size(expected)} as tested'
        )
    ground_truth = _read_ground_truth(entry, content, data_root, photograph)
    _check_ground_truth(ground_truth, entry, content, data_root)
    ground_truth[ground_truth & IGNORED_BIT > 0] = IGNORED
    ground_truth, _ = reduce_bits(
        ground_truth, (width, height), len(content['lesions'])
    )
    ground_truth[ground_truth == IGNORED] = IGNORED_BIT
    return {
        'width': width,
        'height': height,
        'photograph': photograph_uri(photograph, (width, height)),
        'ground_truth': png_uri(ground_truth),
        'planes': [png_uri(plane) for plane in planes],
    }


def _read_planes(entry, results_path, content):
    files = [entry['probabilities'].get(lesion) for lesion in content['lesions']]
    if not (content.get('probabilities') and all(files)):
        raise InputError(
            f'{results_path}: no probabilities of {entry["name"]} were kept; test '
            'again with --save-probabilities'
        )
    folder = osp.join(osp.dirname(results_path), content['probabilities'])
    paths = [osp.join(folder, file) for file in files]
    planes = [read_map(path) for path in paths]
    scale = max(planes[0].shape) / max(entry['height'], entry['width'])
    expected = tuple(max(1, round(entry[side] * scale)) for side in ('height', 'width'))
    for path, plane in zip(paths, planes):
        if plane.shape != expected:
            raise InputError(
                f'{path}: {_size(plane.shape)}, expected {_size(expected)} for a '
                f'photograph of {entry["width"]}x{entry["height"]}'
            )
    return planes


def _read_ground_truth(entry, content, data_root, photograph):
    protocol = content['protocol']
    masks = inside = None
    label_map = entry['ground_truth']
    if protocol['ground_truth'] == 'masks':
        # Pixels that the label map ignores do not count either.
        label_map = entry['label_map']
        masks = _read_map(osp.join(data_root, entry['ground_truth']), entry)
    if protocol['region'] == 'fov':
        inside = field_of_view(photograph)
    label = _read_map(osp.join(data_root, label_map), entry)
    name = osp.join(data_root, entry['image'])
    new_values = content.get('label_values')
    if not new_values:
        return ground_truth_bits(label, masks, inside, name)
    # Keys of JSON are text.
    new_values = {int(value): new for value, new in new_values.items()}
    bits = ground_truth_bits(label, masks, inside, name, len(new_values) - 1)
    return select_bits(bits, new_values)


def _check_ground_truth(ground_truth, entry, content, data_root):
    """Refuse another data set, or data that changed: the scores are not of these."""
    counting = ground_truth[ground_truth & IGNORED_BIT == 0]
    tested = np.reshape(entry['counts'], (3, -1))[2]
    for k, (lesion, expected) in enumerate(zip(content['lesions'], tested)):
        number = np.count_nonzero(counting & 1 << k)
        if number != expected:
            raise InputError(
                f'{data_root}: another ground truth for {entry["image"]}, {lesion} in '
                f'{number} pixels, expected {expected} as tested'
            )


def _read_map(path, entry):
    values = read_map(path)
    if values.shape != (entry['height'], entry['width']):
        raise InputError(
            f'{path}: {_size(values.shape)}, expected '
            f'{entry["width"]}x{entry["height"]} as tested'
        )
    return values


def _size(shape):
    return f'{shape[1]}x{shape[0]}'
