"""What is in a converted data set: lesions, their sizes, colours of the eye."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import cv2
import numpy as np

from hacdr.conversion.merging import label_components
from hacdr.conversion.splits import Member
from hacdr.images import read_map, read_photograph
from hacdr.lesions import IGNORED, lesion_plane
from hacdr.parallel import for_each
from hacdr.preprocess.field_of_view import field_of_view

QUANTILES = 5, 25, 50, 75, 95


class Counts(NamedTuple):
    """One photograph.

    Attributes:
        pixels, ignored (int): of the photograph; of these to be ignored.
        mask_pixels (List[int]): of each lesion as the experts drew it.
        label_pixels (List[int]): what is left of it in the label map.
        areas (List[np.ndarray]): pixels of each 8-connected component of its mask.
        inside (int): pixels of the field of view.
        sums, squares (np.ndarray): of RGB over these, float64 (3,).
    """

    pixels: int
    ignored: int
    mask_pixels: list
    label_pixels: list
    areas: list
    inside: int
    sums: np.ndarray
    squares: np.ndarray


def count_dataset(members: Sequence[Member], jobs: int) -> dict:
    """Count what is in some photographs of a converted data set.

    Args:
        members (Sequence[Member]): the photographs, of
            :func:`~hacdr.conversion.splits.split_members`.
        jobs (int): processes.

    Returns:
        dict: 'photographs', 'pixels', 'background_pixels', 'ignored_pixels',
        'lesions' (lesion -> 'photographs' that show it, 'mask_pixels',
        'label_pixels', 'components', 'area_quantiles' in pixels, at the percentages
        of ``QUANTILES``) and 'field_of_view' ('pixels', 'mean' and 'std' of R, G, B).

    Raises:
        InputError: a file is missing or damaged, or a process was killed.
    """
    lesions = members[0].classes[1:]
    return _sum_up(for_each(_count, members, jobs, 'photographs'), lesions)


def config_lines(figures: dict) -> list[str]:
    """Write the figures as lines for a config.

    Args:
        figures (dict): as :func:`count_dataset` returns them.

    Returns:
        List[str]: Python.
    """
    pixels = class_pixels(figures)
    weights = ', '.join(f'{weight:.3g}' for weight in class_weights(pixels))
    view = figures['field_of_view']
    mean, std = (', '.join(f'{v:.3f}' for v in view[key]) for key in ('mean', 'std'))
    names = ', '.join(['background', *figures['lesions']])
    return [
        f'# {names}: pixels of the label maps',
        f'class_pixels = {pixels}',
        '# 1 / sqrt(share of these), mean 1; 0 for classes that do not occur',
        f'class_weight = [{weights}]',
        '# inside the field of view, RGB',
        'img_norm_cfg = dict(',
        f'    mean=[{mean}],',
        f'    std=[{std}],',
        '    to_rgb=True,',
        ')',
    ]


def class_pixels(figures: dict) -> list[int]:
    """Label pixels of background and each lesion, List[int]."""
    lesions = figures['lesions'].values()
    labels = [lesion['label_pixels'] for lesion in lesions]
    return [figures['background_pixels'], *labels]


def class_weights(pixels: Sequence[int]) -> np.ndarray:
    """Weights for a cross-entropy: 1 / sqrt(share), with a mean of 1.

    Args:
        pixels (Sequence[int]): of each class.

    Returns:
        np.ndarray: float64; 0 for classes that do not occur.
    """
    counts = np.asarray(pixels, np.float64)
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts[present] ** -0.5
    return weights / weights[present].mean()


def _count(member):
    bits, labels = read_map(member.masks), read_map(member.labels)
    photograph = read_photograph(member.photograph)
    inside = field_of_view(photograph)
    number = cv2.countNonZero(inside)
    mean, std = (v[::-1, 0] for v in cv2.meanStdDev(photograph, mask=inside))
    lesions = range(len(member.classes) - 1)
    masks = [lesion_plane(bits, lesion) for lesion in lesions]
    histogram = np.bincount(labels.ravel(), minlength=256)
    return Counts(
        pixels=labels.size,
        ignored=int(histogram[IGNORED]),
        mask_pixels=[int(mask.sum()) for mask in masks],
        label_pixels=[int(histogram[k + 1]) for k in lesions],
        areas=[_areas(mask) for mask in masks],
        inside=number,
        sums=number * mean,
        squares=number * (std**2 + mean**2),
    )


def _areas(mask):
    components, _ = label_components(mask)
    return np.bincount(components[mask])[1:]


def _sum_up(counts, names):
    lesions = {}
    for bit, name in enumerate(names):
        masks = [count.mask_pixels[bit] for count in counts]
        areas = np.concatenate([count.areas[bit] for count in counts])
        quantiles = np.percentile(areas, QUANTILES).tolist() if len(areas) else None
        lesions[name] = dict(
            photographs=sum(pixels > 0 for pixels in masks),
            mask_pixels=sum(masks),
            label_pixels=sum(count.label_pixels[bit] for count in counts),
            components=len(areas),
            area_quantiles=quantiles,
        )
    pixels = sum(count.pixels for count in counts)
    labels = sum(lesion['label_pixels'] for lesion in lesions.values())
    ignored = sum(count.ignored for count in counts)
    inside = sum(count.inside for count in counts)
    mean = sum(count.sums for count in counts) / max(1, inside)
    variance = sum(count.squares for count in counts) / max(1, inside) - mean**2
    return dict(
        photographs=len(counts),
        pixels=pixels,
        background_pixels=pixels - ignored - labels,
        ignored_pixels=ignored,
        lesions=lesions,
        field_of_view=dict(
            pixels=inside,
            mean=mean.tolist(),
            std=np.sqrt(np.maximum(variance, 0)).tolist(),
        ),
    )
