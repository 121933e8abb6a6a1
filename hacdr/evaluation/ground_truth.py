"""The ground truth of each pixel as a byte: which lesions, and whether it counts."""

import cv2
import numpy as np

from hacdr.errors import InputError
from hacdr.lesions import IGNORED, IGNORED_BIT, LABEL_TO_BITS, UNKNOWN


def ground_truth_bits(label, masks=None, inside=None, lesions=4, name='photograph'):
    """Put the experts' drawing into one byte for each pixel.

    Args:
        label (np.ndarray): label map, integers (H, W): 0 background, k + 1 for lesion
            k, 255 where a pixel does not count.
        masks (np.ndarray, optional): uint8 (H, W), bit k set where lesion k was drawn;
            lesions may overlap; 255 where a pixel does not count. Takes the place of
            the label map's lesions.
        inside (np.ndarray, optional): (H, W), pixels outside (0) do not count.
        lesions (int): how many there are.
        name (str): the photograph, for errors.

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
        raise _unknown(label, lesions, name)
    table = np.full(256, UNKNOWN, np.uint8)
    table[: lesions + 1] = LABEL_TO_BITS[: lesions + 1] if masks is None else 0
    table[IGNORED] = IGNORED_BIT
    ground_truth = cv2.LUT(np.ascontiguousarray(label, np.uint8), table)
    if ground_truth.max(initial=0) == UNKNOWN:
        raise _unknown(label, lesions, name)
    if masks is not None:
        ignored = masks == IGNORED
        wrong = (masks >> lesions != 0) & ~ignored
        if wrong.any():
            raise InputError(
                f'{name}: mask with value {masks[wrong].max()}, expected less than '
                f'{1 << lesions} or {IGNORED}'
            )
        ground_truth |= np.where(ignored, IGNORED_BIT, masks).astype(np.uint8)
    if inside is not None:
        ground_truth |= (inside == 0).view(np.uint8) * np.uint8(IGNORED_BIT)
    return ground_truth


def _unknown(label, lesions, name):
    values = np.unique(label)
    wrong = values[((values < 0) | (values > lesions)) & (values != IGNORED)]
    return InputError(
        f'{name}: label map with value {wrong[0]}, expected 0 to {lesions} or {IGNORED}'
    )
