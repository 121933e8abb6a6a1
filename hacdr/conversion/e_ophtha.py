"""Reader of e-ophtha EX and e-ophtha MA (Decenciere et al., IRBM 2013)."""

from __future__ import annotations

from hacdr.conversion.pairing import find_pairs
from hacdr.conversion.plan import Plan
from hacdr.conversion.planning import make_records, split_by_seed, warn_of_number
from hacdr.conversion.sources import Source
from hacdr.errors import InputError

PHOTOGRAPH = r'(?:{0}|healthy)/(?P<name>E\d+/[^/]+)'
MASK = r'Annotation_(?P<lesion>{0})/(?P<name>E\d+/[^/]+?)(?:_{0})?'
OFFICIAL = {'EX': 47 + 35, 'MA': 148 + 233}


def read_e_ophtha(source: Source) -> Plan:
    """Find the photographs and masks of e-ophtha EX or e-ophtha MA.

    There is no official split: a fifth of the examinations is for testing and a
    tenth for validation, chosen by a fixed seed.

    Args:
        source (Source): as ``open_source`` returns it.

    Returns:
        Plan: what is to be converted; names are 'E0019457_C0001273' and the like.

    Raises:
        InputError: neither or both of them; a file twice; a mask without a
            photograph.
    """
    found = {
        lesion: find_pairs(source, PHOTOGRAPH.format(lesion), MASK.format(lesion))
        for lesion in OFFICIAL
    }
    drawn = [lesion for lesion, pairs in found.items() if any(p.masks for p in pairs)]
    if len(drawn) != 1:
        raise InputError(
            f'{source.path}: {"both" if drawn else "none"} of e-ophtha EX and MA; '
            "looked for one, with 'e_optha_EX/Annotation_EX/E0019457/C0001273_EX.png' "
            'and the like'
        )
    (lesion,) = drawn
    pairs = found[lesion]
    pairs = [pair._replace(name=pair.name.replace('/', '_')) for pair in pairs]
    splits = split_by_seed([pair.name for pair in pairs], _examination, source.path)
    warnings = warn_of_number(len(pairs), OFFICIAL[lesion])
    warnings.append(f'only {lesion} was drawn; other lesions count as background')
    records = make_records(pairs, splits, {lesion.lower(): lesion})
    patients = {pair.name: _examination(pair.name) for pair in pairs}
    return Plan(
        f'e-ophtha {lesion}',
        records,
        splits,
        warnings,
        drawn=(lesion,),
        patients=patients,
    )


def _examination(name):
    return name.split('_')[0]
