"""What is known of a photograph once it is segmented, and how its label map is made."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np

from hacdr.errors import InputError
from hacdr.inference.findings import Finding, find_lesions
from hacdr.preprocess.quality import Quality, assess_photograph


class Prediction(NamedTuple):
    """What is known of a photograph.

    Attributes:
        photograph (np.ndarray): BGR, uint8, (H, W, 3).
        label (np.ndarray): label map, uint8, (H, W), values as in ``classes``.
        probabilities (np.ndarray | None): of each lesion at each pixel, float16,
            (lesions, H, W), ``classes[1:]`` in turn, right to 0.001; None where the
            network gives classes alone.
        classes (Sequence[str]): names of the label map's values, background first.
        palette (Sequence[Sequence[int]]): RGB colour of each class.
        notes (Sequence[str]): what was scaled or assumed when the file was read.
        trained_diameter (float | None): of the field of view in the photographs of the
            training, in pixels, as the network saw them.
    """

    photograph: np.ndarray
    label: np.ndarray
    probabilities: np.ndarray | None
    classes: Sequence[str]
    palette: Sequence[Sequence[int]]
    notes: Sequence[str] = ()
    trained_diameter: float | None = None

    @property
    def findings(self) -> list[Finding]:
        """list[Finding]: the single lesions, found when they are asked for."""
        return find_lesions(self.label, self.probabilities, self.classes)

    @property
    def quality(self) -> Quality:
        """Quality: measures and warnings of the image check, made when asked for."""
        return assess_photograph(self.photograph, self.trained_diameter)


def choose_classes(
    probabilities: np.ndarray, limits: Sequence[float] | None = None
) -> np.ndarray:
    """Make a label map of probabilities.

    Args:
        probabilities (np.ndarray): float32, (classes, H, W), background first.
        limits (Sequence[float], optional): of each lesion, the probability from which
            on a pixel may have it; of several the one furthest above its limit, as a
            ratio. Without, a pixel has the most probable class, the first of equals.

    Returns:
        np.ndarray: uint8, (H, W).
    """
    scores = probabilities
    if limits is not None:
        least = np.maximum(np.asarray(limits, np.float32), np.float32(1e-12))
        scores = np.empty_like(probabilities)
        # The background wins where no lesion reaches its limit.
        scores[0] = np.nextafter(np.float32(1), np.float32(0))
        np.divide(probabilities[1:], least[:, None, None], out=scores[1:])
    # A fraction of what argmax(0) takes, which goes across the planes.
    best = scores[0].copy()
    label = np.zeros(best.shape, np.uint8)
    for value, plane in enumerate(scores[1:], 1):
        np.copyto(label, np.uint8(value), where=plane > best)
        np.maximum(best, plane, out=best)
    return label


def thresholds_to_limits(
    thresholds: dict[str, float] | None, classes: Sequence[str]
) -> list[float] | None:
    """Return the threshold of each lesion, in the order of ``classes[1:]``.

    Args:
        thresholds (dict[str, float] | None): lesion -> probability.
        classes (Sequence[str]): background and lesions.

    Returns:
        list[float] | None: None without thresholds.

    Raises:
        InputError: thresholds of other lesions, or that are no probabilities.
    """
    if thresholds is None:
        return None
    lesions = ', '.join(classes[1:])
    if not isinstance(thresholds, dict):
        raise InputError(
            f'thresholds are a {type(thresholds).__name__}, expected a dict with one '
            f'for each of {lesions}'
        )
    if {*thresholds} != {*classes[1:]}:
        raise InputError(
            f'thresholds for {", ".join(map(str, thresholds)) or "nothing"}, expected '
            f'one for each of {lesions}'
        )
    for name, value in thresholds.items():
        if not isinstance(value, (int, float)) or not 0 <= value <= 1:
            raise InputError(f'threshold of {name}: {value}, expected 0 to 1')
    return [float(thresholds[name]) for name in classes[1:]]
