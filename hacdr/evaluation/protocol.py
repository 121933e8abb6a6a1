"""How scores were computed, in words and for comparing."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from hacdr.errors import InputError

from .matching import OVERLAP

# Raised when the same predictions get other figures.
VERSION = 2
GROUND_TRUTHS = {'labels': 'label map', 'masks': "experts' masks"}
REGIONS = {'image': 'whole image', 'fov': 'field of view'}


@dataclass(frozen=True)
class Protocol:
    """What scores mean.

    Attributes:
        ground_truth (str): 'labels', the label map, where of overlapping lesions one
            wins, or 'masks', each lesion as the experts drew it.
        region (str): 'image', all pixels count, or 'fov', those in the field of view.
        matching (float | None): share of a lesion's pixels that must be hit, None if
            lesions were not matched.
        aupr (str): protocol of AUPR.
        version (int): of all this.
    """

    ground_truth: str = 'labels'
    region: str = 'image'
    matching: float | None = None
    aupr: str = 'exact'
    version: int = VERSION

    def __post_init__(self):
        for name, known in (('ground_truth', GROUND_TRUTHS), ('region', REGIONS)):
            given = getattr(self, name)
            if given not in known:
                raise InputError(
                    f'{name} is {given!r}, expected one of {", ".join(known)}'
                )

    @classmethod
    def of(cls, ground_truth: str, region: str, lesion_level: bool) -> Protocol:
        """Return the protocol of a dataset's options."""
        return cls(ground_truth, region, OVERLAP if lesion_level else None)

    def as_dict(self) -> dict:
        """Return what JSON holds."""
        return asdict(self)

    def describe(self) -> str:
        """Return one line."""
        return (
            f'AUPR protocol: {self.aupr}; '
            f'ground truth: {GROUND_TRUTHS[self.ground_truth]}; {REGIONS[self.region]}'
        )
