"""How scores were computed, in words and for comparing."""

from dataclasses import asdict, dataclass

from hacdr.errors import InputError

from .matching import OVERLAP

# Raised when the same predictions get other figures.
VERSION = 2
TRUTHS = {'labels': 'label map', 'masks': "experts' masks"}
REGIONS = {'picture': 'whole picture', 'field': 'field of view'}


@dataclass(frozen=True)
class Protocol:
    """What scores mean.

    Attributes:
        truth (str): 'labels', the label map, where of overlapping lesions one wins, or
            'masks', each lesion as the experts drew it.
        region (str): 'picture', or 'field': pixels outside the field of view do not
            count.
        matching (float | None): share of a lesion's pixels that must be hit, None if
            lesions were not matched.
        aupr (str): protocol of AUPR.
        version (int): of all this.
    """

    truth: str = 'labels'
    region: str = 'picture'
    matching: float = None
    aupr: str = 'exact'
    version: int = VERSION

    def __post_init__(self):
        for name, known in (('truth', TRUTHS), ('region', REGIONS)):
            given = getattr(self, name)
            if given not in known:
                raise InputError(
                    f'{name} is {given!r}, expected one of {", ".join(known)}'
                )

    @classmethod
    def of(cls, truth, region, lesion_level):
        """Return the protocol of a dataset's options."""
        return cls(truth, region, OVERLAP if lesion_level else None)

    def as_dict(self):
        """Return what JSON holds."""
        return asdict(self)

    def describe(self):
        """Return one line."""
        return (
            f'AUPR protocol: {self.aupr}; truth: {TRUTHS[self.truth]}; '
            f'{REGIONS[self.region]}'
        )
