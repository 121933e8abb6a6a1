"""What is true of each pixel, as a byte: which lesions, and whether it counts."""

import numpy as np

from hacdr.errors import InputError

from .kernels import IGNORED_BIT

IGNORED = 255


def truth_bits(label, masks=None, inside=None, lesions=4, name='photograph'):
    """Put the experts' drawing into one byte for each pixel.

    Args:
        label (np.ndarray): label map, integers (H, W): 0 background, k + 1 for lesion
            k, 255 where a pixel does not count.
        masks (np.ndarray, optional): uint8 (H, W), bit k set where lesion k was drawn;
            lesions may overlap. Takes the place of the label map's lesions.
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
    known = np.full(256, lesions, np.uint8)
    known[: lesions + 1] = 0
    known[IGNORED] = 0
    if label.min() < 0 or label.max() > 255 or known[label].any():
        raise InputError(
            f'{name}: label map with value {_unknown(label, lesions)}, expected 0 to '
            f'{lesions} or {IGNORED}'
        )
    if masks is not None and (masks >> lesions).any():
        raise InputError(
            f'{name}: mask with value {masks.max()}, expected less than {1 << lesions}'
        )
    table = np.zeros(256, np.uint8)
    if masks is None:
        table[1 : lesions + 1] = 1 << np.arange(lesions)
    table[IGNORED] = IGNORED_BIT
    truth = table[label]
    if masks is not None:
        truth |= masks.astype(np.uint8)
    if inside is not None:
        truth[inside == 0] |= IGNORED_BIT
    return truth


def _unknown(label, lesions):
    values = np.unique(label)
    return int(values[((values < 0) | (values > lesions)) & (values != IGNORED)][0])
