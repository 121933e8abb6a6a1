"""Reader of DDR, lesion segmentation part (Li et al., Information Sciences 2019)."""

from __future__ import annotations

from hacdr.conversion.pairing import find_pairs
from hacdr.conversion.plan import Plan
from hacdr.conversion.planning import make_records, warn_of_number
from hacdr.conversion.sources import Source
from hacdr.errors import InputError, first_few
from hacdr.lesions import LESIONS

SUBSET = r'(?P<subset>train|val|valid|test)'
PHOTOGRAPH = rf'{SUBSET}/image/(?P<name>[^/]+)'
# Of the official download, valid has its masks in 'segmentation label'.
MASK = rf'{SUBSET}/(?:segmentation[ _])?label/(?P<lesion>EX|HE|MA|SE)/(?P<name>[^/]+)'
OFFICIAL = dict(train=383, val=149, test=225)


def read_ddr(source: Source) -> Plan:
    """Find the photographs and masks of DDR; the other parts are passed over.

    Args:
        source (Source): as ``open_source`` returns it.

    Returns:
        Plan: what is to be converted; the official valid is the split val.

    Raises:
        InputError: a folder is missing; a file twice; a photograph without any
            mask or a mask without a photograph.
    """
    pairs = find_pairs(source, PHOTOGRAPH, MASK)
    warnings, splits = [], {}
    for split, official in OFFICIAL.items():
        found = [pair for pair in pairs if pair.subset.startswith(split)]
        _check_folders(source, split, found)
        splits[split] = [pair.name for pair in found]
        warnings += warn_of_number(len(found), official, f'photographs of {split}')
        for lesion in LESIONS:
            missing = [pair.name for pair in found if lesion.lower() not in pair.masks]
            if missing:
                warnings.append(
                    f'{len(missing)} {lesion} masks of {split} missing, taken as no '
                    f'lesion: {first_few(missing)}'
                )
    splits['trainval'] = sorted(splits['train'] + splits['val'])
    lesions = {lesion.lower(): lesion for lesion in LESIONS}
    return Plan('DDR', make_records(pairs, splits, lesions), splits, warnings)


def _check_folders(source, split, found):
    folder = {'val': 'valid'}.get(split, split)
    label = 'segmentation label' if split == 'val' else 'label'
    expected = f"looked for 'lesion_segmentation/{folder}/{{}}' and the like"
    if not found:
        raise InputError(
            f'{source.path}: no photograph of {split} found; '
            + expected.format('image/007-1774-100.jpg')
        )
    for lesion in LESIONS:
        if not any(lesion.lower() in pair.masks for pair in found):
            raise InputError(
                f'{source.path}: no {lesion} mask of {split} found; '
                + expected.format(f'{label}/{lesion}/007-1774-100.tif')
            )
    for pair in found:
        if not pair.masks:
            raise InputError(
                f'{source.where(pair.photograph)}: photograph without any mask; '
                'expected one for each lesion, all black where there is none'
            )
