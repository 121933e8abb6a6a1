"""Scores of one photograph: what is kept of a prediction.

A photograph is reduced to a histogram of its scores for each lesion and to pixel
counts at the argmax. Both add up over photographs and processes, and their size does
not grow with the photograph's (see :mod:`hacdr.evaluation.histogram`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable, Sequence

import numpy as np

from hacdr.errors import InputError
from hacdr.lesions import LESION_COUNT

from . import kernels
from .histogram import Histogram, build_histogram
from .matching import LesionMatches, match_lesions


@dataclass
class ImageScores:
    """What is kept of one photograph.

    Attributes:
        size (tuple[int, int]): height and width.
        pixels (int): pixels that count.
        counts (np.ndarray): int64 (3, lesions): pixels of each lesion predicted
            rightly at the argmax, predicted at all, there.
        above (np.ndarray, optional): int64 (lesions, 2, 41), pixels with and without
            the lesion whose score is greater than each of the histograms'
            ``THRESHOLDS``; None if the prediction was a label map.
        histograms (list[Histogram]): one for each lesion; empty for a label map.
        matches (list[LesionMatches]): one for each lesion; empty if lesions were not
            matched.
        files (dict[str, str]): lesion -> file with its probabilities, if kept.
    """

    size: tuple
    pixels: int
    counts: np.ndarray
    above: np.ndarray | None = None
    histograms: list[Histogram] = field(default_factory=list)
    matches: list[LesionMatches] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)


def score_image(
    prediction: np.ndarray,
    ground_truth: np.ndarray,
    name: str = 'photograph',
    match_at: Sequence[Sequence[float]] | None = None,
    threads: int = 1,
    lesions: int = LESION_COUNT,
) -> ImageScores:
    """Score the prediction for one photograph.

    Args:
        prediction (np.ndarray): probabilities, float (lesions + 1, H, W), background
            first, or a label map, integer (H, W).
        ground_truth (np.ndarray): uint8 (H, W), from
            :func:`hacdr.evaluation.ground_truth_bits`.
        name (str): the photograph's file, for errors.
        match_at (Sequence[Sequence[float]], optional): for each lesion the thresholds
            at which to match predicted with true lesions; None leaves it out.
        threads (int): how many to use at most.
        lesions (int): how many there are.

    Returns:
        ImageScores: for adding up.

    Raises:
        InputError: shapes that do not fit, or scores outside [0, 1].
    """
    is_label_map = prediction.ndim == 2
    shape = ground_truth.shape
    expected = shape if is_label_map else (lesions + 1, *shape)
    if prediction.shape != expected:
        raise InputError(
            f'{name}: prediction of shape {prediction.shape}, expected {expected} as '
            'the label map and the classes have it'
        )
    if is_label_map:
        if not 0 <= prediction.min() <= prediction.max() <= lesions:
            raise InputError(
                f'{name}: predicted label map with values {prediction.min()} to '
                f'{prediction.max()}, expected 0 to {lesions}'
            )
        labels = prediction.astype(np.uint8)
    else:
        prediction = np.ascontiguousarray(prediction, np.float32)
        labels = _argmax(prediction, threads)
    counts = np.zeros((3, lesions), np.int64)
    pixels = kernels.count_labels(labels.ravel(), ground_truth.ravel(), counts)
    scores = ImageScores(shape, pixels, counts)
    if is_label_map:
        return scores

    def build(k):
        return build_histogram(prediction[k + 1], ground_truth, k, name)

    def match(k):
        return match_lesions(prediction[k + 1], ground_truth, k, match_at[k])

    built = parallel_for(build, range(lesions), threads)
    scores.histograms = [histogram for histogram, _ in built]
    scores.above = np.stack([above for _, above in built])
    if match_at is not None:
        scores.matches = parallel_for(match, range(lesions), threads)
    return scores


def _argmax(probabilities, threads):
    """Return the class of each pixel, uint8 (H, W)."""
    planes = probabilities.reshape(len(probabilities), -1)
    labels = np.empty(planes.shape[1], np.uint8)
    step = kernels.CHUNK * 64

    def work(start):
        stop = min(start + step, planes.shape[1])
        kernels.most_probable(start, stop, planes, labels)

    parallel_for(work, range(0, planes.shape[1], step), threads)
    return labels.reshape(probabilities.shape[1:])


def parallel_for(work: Callable, tasks: Sequence, threads: int) -> list:
    """Do the same work for all tasks, several at once.

    Args:
        work (callable): takes a task; lets go of the interpreter lock.
        tasks (Sequence): anything.
        threads (int): how many tasks at once at most.

    Returns:
        list: what ``work`` returned, in the order of the tasks.

    Raises:
        BaseException: what ``work`` raised, for the first of the tasks.
    """
    if min(threads, len(tasks)) <= 1:
        return [work(task) for task in tasks]
    with ThreadPoolExecutor(min(threads, len(tasks))) as pool:
        return list(pool.map(work, tasks))
