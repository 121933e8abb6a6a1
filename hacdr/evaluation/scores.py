"""Scores of one photograph, and of many: average precision, Dice, IoU.

A photograph is reduced to a histogram of its scores for each lesion and to pixel
counts at the argmax. Both add up over photographs and processes, and their size does
not grow with the photograph's.

Bins. A score p in [0, 1] falls into a bin of the float32 number line around 0 and,
mirrored, around 1 (1 - p is exact in float32 for p > 0.5): 2048 bins for every halving
of the distance to the nearer end, 516098 in all, of which a photograph fills some ten
thousand. Only the order of scores that share a bin is lost, that is of scores closer
than 1/2048 of that distance; :func:`average_precision` treats them as tied. On the
small maps of the tests, where one pixel weighs most, it stays within 1e-4 of
scikit-learn.
"""

from dataclasses import dataclass, field

import numpy as np

from hacdr.errors import InputError

LESIONS = ('EX', 'HE', 'SE', 'MA')
PROTOCOL = 'exact'
IGNORED = 255
_SHIFT = 12
_HALF = int(np.float32(0.5).view(np.uint32)) >> _SHIFT
BINS = 2 * (_HALF + 1)


@dataclass
class ImageScores:
    """What is kept of one photograph.

    Attributes:
        intersection, predicted, actual (np.ndarray): pixels of each class, int64
            (classes,): predicted rightly, predicted at all, labelled.
        histograms (list[tuple]): for each lesion (bins, positives, negatives), the
            bins that are not empty and the pixels in them with and without the
            lesion; empty if the prediction was a label map.
    """

    intersection: np.ndarray
    predicted: np.ndarray
    actual: np.ndarray
    histograms: list = field(default_factory=list)


def score_image(prediction, label, name='photograph', num_classes=5):
    """Score the prediction for one photograph.

    Args:
        prediction (np.ndarray): probabilities, float (num_classes, H, W), or a label
            map, integer (H, W).
        label (np.ndarray): the experts' label map, (H, W), 255 where it does not count.
        name (str): the photograph's file, for errors.
        num_classes (int): with background.

    Returns:
        ImageScores: for adding up.

    Raises:
        InputError: shapes that do not fit, or scores outside [0, 1].
    """
    probabilities = prediction if prediction.ndim == 3 else None
    expected = (num_classes, *label.shape) if probabilities is not None else label.shape
    if prediction.shape != expected:
        raise InputError(
            f'{name}: prediction of shape {prediction.shape}, expected {expected} as '
            'the label map and the classes have it'
        )
    valid = label != IGNORED
    truth = label[valid]
    predicted = prediction if probabilities is None else probabilities.argmax(0)
    predicted = predicted[valid]
    scores = ImageScores(
        intersection=_count(truth[truth == predicted], num_classes),
        predicted=_count(predicted, num_classes),
        actual=_count(truth, num_classes),
    )
    if probabilities is not None:
        for value in range(1, num_classes):
            p = probabilities[value][valid].astype(np.float32, copy=False)
            scores.histograms.append(_histogram(p, truth == value, name))
    return scores


def _count(values, num_classes):
    return np.bincount(values, minlength=num_classes)[:num_classes].astype(np.int64)


def _histogram(p, positive, name):
    # Written so that NaN fails too.
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise InputError(f'{name}: scores must lie in [0, 1], not {p.min()}..{p.max()}')
    bins = score_bins(p)
    # One pass counts both: the lowest bit says whether the lesion is there.
    counts = np.bincount(bins * 2 + positive, minlength=2 * BINS).reshape(BINS, 2)
    filled = np.flatnonzero(counts.any(1))
    negatives, positives = counts[filled].T
    return filled.astype(np.uint32), positives, negatives


def score_bins(p):
    """Return the bin of each score.

    Args:
        p (np.ndarray): scores in [0, 1], float32, any shape.

    Returns:
        np.ndarray: int32, the same shape; never smaller for a larger score.
    """
    # Adding 0 turns -0 into 0, whose bits are the smallest.
    near = (np.minimum(p, np.float32(1) - p) + np.float32(0)).view(np.uint32)
    near = (near >> _SHIFT).astype(np.int32)
    return np.where(p <= 0.5, near, BINS - 1 - near)


def average_precision(scores, lesion):
    """Step-wise average precision over all pixels, as scikit-learn defines it.

    AP = sum over thresholds of (R_n - R_(n-1)) * P_n, with precision P_n and recall
    R_n of all photographs' pixels pooled.

    Args:
        scores (Sequence[ImageScores]): of all photographs.
        lesion (int): index into the histograms, 0 for the first lesion.

    Returns:
        float: NaN if no photograph has the lesion.
    """
    pooled = np.zeros((2, BINS), np.int64)
    for image in scores:
        bins, positives, negatives = image.histograms[lesion]
        pooled[0, bins] += positives
        pooled[1, bins] += negatives
    positives, negatives = pooled[:, ::-1].cumsum(1)
    if positives[-1] == 0:
        return float('nan')
    precision = positives / np.maximum(positives + negatives, 1)
    recall_steps = np.diff(positives, prepend=0) / positives[-1]
    return float((precision * recall_steps).sum())


def summarise(scores, lesions=LESIONS):
    """Return the headline figures of many photographs.

    Args:
        scores (Sequence[ImageScores]): one for each photograph.
        lesions (Sequence[str]): names of classes 1, 2, ...

    Returns:
        dict[str, dict[str, float]]: metric ('AUPR', if the predictions were
        probabilities, 'Dice', 'IoU') -> lesion -> value. A lesion that is in no label
        map has AUPR NaN, and Dice and IoU NaN too if it was never predicted. 'mean'
        is the mean of the lesions that are not NaN, and NaN if all are.
    """
    intersection = sum(image.intersection for image in scores)
    total = sum(image.predicted + image.actual for image in scores)
    summary = {}
    if all(image.histograms for image in scores):
        summary['AUPR'] = [average_precision(scores, k) for k in range(len(lesions))]
    summary['Dice'] = _ratios(2 * intersection, total)
    summary['IoU'] = _ratios(intersection, total - intersection)
    figures = {}
    for metric, values in summary.items():
        known = [value for value in values if not np.isnan(value)]
        mean = float(np.mean(known)) if known else float('nan')
        figures[metric] = {**dict(zip(lesions, values)), 'mean': mean}
    return figures


def _ratios(numerator, denominator):
    """Return the ratio for each lesion; background, class 0, is left out."""
    return [
        float(n) / float(d) if d else float('nan')
        for n, d in zip(numerator[1:], denominator[1:])
    ]
