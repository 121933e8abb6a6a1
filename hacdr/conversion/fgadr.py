"""Reader of FGADR's Seg-set (Zhou et al., IEEE TMI 2021)."""

from hacdr.conversion.convert import Plan
from hacdr.conversion.pairing import (
    find_pairs,
    make_records,
    split_by_seed,
    warn_of_number,
)
from hacdr.conversion.reading import read_soft_mask
from hacdr.errors import InputError

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


def read_fgadr(source):
    """Find the photographs and masks of FGADR.

    There is no official split: a fifth is for testing and a tenth for validation,
    chosen by a fixed seed. Photographs are PNG, masks have soft edges.

    Args:
        source (FolderSource | ZipSource): as ``open_source`` returns it.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: not FGADR; a file twice; a mask without a photograph.
    """
    pairs = find_pairs(source, PHOTOGRAPH, MASK)
    if not any(pair.masks for pair in pairs):
        raise InputError(
            f"{source.path}: not FGADR; looked for 'Original_Images/0000_1.png', "
            "'HardExudate_Masks/0000_1.png' and the like"
        )
    splits = split_by_seed(pairs, group=str)
    return Plan(
        'FGADR',
        make_records(pairs, splits, LESIONS),
        splits,
        warn_of_number(len(pairs), OFFICIAL),
        read_mask=read_soft_mask,
        photograph_format='PNG',
    )
