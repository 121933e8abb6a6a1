"""Reader of Retinal-Lesions (Wei et al., ICPR 2020)."""

from __future__ import annotations

from functools import partial

from hacdr.conversion.pairing import find_pairs
from hacdr.conversion.plan import Plan
from hacdr.conversion.planning import plan_from_pairs
from hacdr.conversion.reading import read_graded_mask, read_separate_masks
from hacdr.conversion.sources import Source

# The other four lesions they drew are passed over.
LESIONS = {
    'microaneurysm': 'MA',
    'retinal_hemorrhage': 'HE',
    'hard_exudate': 'EX',
    'cotton_wool_spots': 'SE',
}
PHOTOGRAPH = r'images_896x896/(?P<name>[^/]+)'
MASK = rf'lesion_segs_896x896/(?P<name>[^/]+)/(?P<lesion>{"|".join(LESIONS)})'
OFFICIAL = 1593


def read_retinal_lesions(source: Source) -> Plan:
    """Find the photographs and masks of Retinal-Lesions.

    There is no official split: a fifth of the patients is for testing and a tenth
    for validation, chosen by a fixed seed; both eyes of a patient stay together.
    Grey 127 is what the authors excluded and is ignored.

    Args:
        source (Source): as ``open_source`` returns it.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: not Retinal-Lesions; a file twice; a mask without a photograph.
    """
    pairs = find_pairs(source, PHOTOGRAPH, MASK)
    return plan_from_pairs(
        source,
        pairs,
        'Retinal-Lesions',
        "'images_896x896/1_left.jpg', 'lesion_segs_896x896/1_left/hard_exudate.png'",
        LESIONS,
        OFFICIAL,
        group=_patient,
        read_masks=partial(read_separate_masks, read=read_graded_mask),
    )


def _patient(name):
    return name.rsplit('_', 1)[0]
