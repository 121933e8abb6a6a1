"""What a reader of a data set returns: its photographs, and how to read their masks."""

from __future__ import annotations

from types import MappingProxyType
from typing import Callable, Mapping, NamedTuple

from hacdr.conversion.reading import read_separate_masks
from hacdr.lesions import CLASSES, LESIONS


class Record(NamedTuple):
    """One photograph.

    Attributes:
        name: without suffix; unique in the data set.
        subset: 'train' or 'test', the folder it goes to.
        photograph: its file, a name of the source.
        masks: lesion -> the file that tells where it was drawn; without one it is
            absent.
    """

    name: str
    subset: str
    photograph: str
    masks: dict[str, str]


class Plan(NamedTuple):
    """What a reader found in a source.

    Attributes:
        dataset: the data set's name.
        records: the photographs, sorted.
        splits: split's name -> names of its photographs.
        warnings: what is missing or odd, each one line; ``--strict`` refuses them.
        read_masks: ``read_masks(files, record, size)`` returns the masks of a
            photograph, see ``reading.read_separate_masks``.
        photograph_format: 'JPEG' or 'PNG'.
        any_photograph: whether photographs of other kinds are made to be of this one.
        classes: by label value, the background first.
        drawn: the lesions that experts drew; others among the classes are not absent
            but unknown.
        read_as: plain values that tell how the masks are read, where the files do not.
        notes: what was assumed, each one line.
        patients: name -> patient, where the names tell; folds keep them together.
        digests: sha256 of the files of masks that the reader has read, whatever the
            number of their photographs; read_masks gets None for their content.
    """

    dataset: str
    records: list[Record]
    splits: dict[str, list[str]]
    warnings: list[str]
    read_masks: Callable = read_separate_masks
    photograph_format: str = 'JPEG'
    any_photograph: bool = False
    classes: tuple[str, ...] = CLASSES
    drawn: tuple[str, ...] = LESIONS
    read_as: dict | None = None
    notes: tuple[str, ...] = ()
    patients: Mapping[str, str] = MappingProxyType({})
    digests: Mapping[str, str] = MappingProxyType({})

    @property
    def lesions(self) -> tuple[str, ...]:
        """Tuple[str, ...]: the classes without the background."""
        return self.classes[1:]
