"""The ground truth of each pixel as a byte: which lesions, and whether it counts."""

from __future__ import annotations

import cv2
import numpy as np

from hacdr.errors import InputError
from hacdr.lesions import IGNORED, IGNORED_BIT, LESION_COUNT, UNKNOWN, label_to_bits


def ground_truth_bits(
    label: np.ndarray,
    masks: np.ndarray | None = None,
    inside: np.ndarray | None = None,
    name: str = 'photograph',
    lesions: int = LESION_COUNT,
) -> np.ndarray:
    """Put the experts' drawing into one byte for each pixel.

    Args:
        label (np.ndarray): label map, integers (H, W): 0 background, k + 1 for lesion
            k, 255 where a pixel does not count.
        masks (np.ndarray, optional): uint8 (H, W), bit k set where lesion k was drawn;
            lesions may overlap; 255 where a pixel does not count. Takes the place of
            the label map's lesions.
        inside (np.ndarray, optional): (H, W), pixels outside (0) do not count.
        name (str): the photograph, for errors.
        lesions (int): how many there are.

    Returns:
        np.ndarray: uint8 (H, W), bit k for lesion k, bit 7 where a pixel does not
        count.

    Raises:
        InputError: an unknown value, or sizes that differ.
    """
    for part, given in (('mask', masks), ('field of view', inside)):
        if given is not None and given.shape != label.shape:
            raise InputError(
                f'{name}: {part} of size {given.shape}, expected {label.shape} as the '
                'label map has it'
            )
    if label.dtype != np.uint8 and not 0 <= label.min() <= label.max() <= IGNORED:
        raise _unknown(label, name, lesions)
    table = label_to_bits(lesions).copy()
    table[IGNORED] = IGNORED_BIT
    if masks is not None:
        table[: lesions + 1] = 0
    ground_truth = cv2.LUT(np.ascontiguousarray(label, np.uint8), table)
    if ground_truth.max(initial=0) == UNKNOWN:
        raise _unknown(label, name, lesions)
    if masks is not None:
        ignored = masks == IGNORED
        wrong = (masks >= 1 << lesions) & ~ignored
        if wrong.any():
            raise InputError(
                f'{name}: mask with value {masks[wrong].max()}, expected less than '
                f'{1 << lesions} or {IGNORED}'
            )
        ground_truth |= np.where(ignored, IGNORED_BIT, masks).astype(np.uint8)
    if inside is not None:
        ground_truth |= (inside == 0).view(np.uint8) * np.uint8(IGNORED_BIT)
    return ground_truth


def _unknown(label, name, lesions):
    values = np.unique(label)
    wrong = values[((values < 0) | (values > lesions)) & (values != IGNORED)]
    return InputError(
        f'{name}: label map with value {wrong[0]}, expected 0 to {lesions} or {IGNORED}'
    )
