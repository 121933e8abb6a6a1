"""Reader of FGADR's Seg-set (Zhou et al., IEEE TMI 2021)."""

from __future__ import annotations

from functools import partial

from hacdr.conversion.pairing import find_pairs
from hacdr.conversion.plan import Plan
from hacdr.conversion.planning import plan_from_pairs
from hacdr.conversion.reading import read_separate_masks, read_soft_mask
from hacdr.conversion.sources import Source

# Hemohedge is their spelling. The other two lesions they drew are passed over.
LESIONS = {
    'microaneurysms': 'MA',
    'hemohedge': 'HE',
    'hardexudate': 'EX',
    'softexudate': 'SE',
}
PHOTOGRAPH = r'Original_Images/(?P<name>[^/]+)'
MASK = rf'(?P<lesion>{"|".join(LESIONS)})_Masks/(?P<name>[^/]+)'
OFFICIAL = 1842


def read_fgadr(source: Source) -> Plan:
    """Find the photographs and masks of FGADR.

    There is no official split: a fifth is for testing and a tenth for validation,
    chosen by a fixed seed. Photographs are PNG, masks have soft edges.

    Args:
        source (Source): as ``open_source`` returns it.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: not FGADR; a file twice; a mask without a photograph.
    """
    pairs = find_pairs(source, PHOTOGRAPH, MASK)
    return plan_from_pairs(
        source,
        pairs,
        'FGADR',
        "'Original_Images/0000_1.png', 'HardExudate_Masks/0000_1.png'",
        LESIONS,
        OFFICIAL,
        group=str,
        read_masks=partial(read_separate_masks, read=read_soft_mask),
        photograph_format='PNG',
    )
