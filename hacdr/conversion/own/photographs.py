"""The photographs of a user's folder, and to which of them another file belongs."""

from __future__ import annotations

import io
import os.path as osp
import unicodedata
from collections import Counter, defaultdict
from typing import Any, Container, Iterable, NamedTuple, Sequence

from hacdr.conversion.own.classes import order_classes
from hacdr.conversion.own.splitting import find_patients, find_subset, split_own
from hacdr.conversion.plan import Plan, Record
from hacdr.conversion.sources import Source
from hacdr.errors import InputError, counted, first_few
from hacdr.files import fold_name
from hacdr.images import PHOTOGRAPH_SUFFIXES, decode_header

IMAGES = 'images'
JPEG_SUFFIXES = '.jpg', '.jpeg'


class Options(NamedTuple):
    """What a user says about data of his own; see ``hacdr convert --help``.

    Attributes:
        classes (Sequence[str]): ``--classes``, see :func:`classes.parse_classes`.
        photographs (str | None): name of the folders that they are in; by default
            'images' where there is one, else any.
        labels (str): name of the folder that label maps are in.
        patient (str | None): regular expression, see :func:`splitting.find_patients`.
        soft_masks (bool): masks are grey, lesion from 128 on.
    """

    classes: tuple[str, ...] = ()
    photographs: str | None = None
    labels: str = 'labels'
    patient: str | None = None
    soft_masks: bool = False


def choose_folder(source: Source, options: Options) -> str | None:
    """Name the folders that photographs are in, None for any; see :class:`Options`."""
    if options.photographs is None and any(is_in(f, IMAGES) for f in source.names()):
        return IMAGES
    return options.photographs


class Photograph(NamedTuple):
    """One of the photographs.

    Attributes:
        name: its file's stem, with folders before it where stems are not unique.
        file: a name of the source.
        folders: those that it lies in, in lower case.
        path: what its name is made of: the folders, and the stem.
    """

    name: str
    file: str
    folders: tuple[str, ...]
    path: tuple[str, ...]


class Photographs:
    """The photographs of a source.

    Args:
        source (Source): as ``open_source`` returns it.
        without (Container[str]): images of the source that are something else.
        folder (str, optional): only those in a folder of this name.

    Raises:
        InputError: there are none.
    """

    def __init__(
        self, source: Source, without: Container[str] = (), folder: str | None = None
    ) -> None:
        self.source = source
        files = [
            file
            for file in source.names()
            if file.lower().endswith(PHOTOGRAPH_SUFFIXES)
            and file not in without
            and (folder is None or is_in(file, folder))
        ]
        if not files:
            inside = f'in a folder {folder!r}' if folder else 'beside the annotations'
            raise InputError(
                f'{source.path}: no photograph found {inside}, expected one of '
                f'{", ".join(PHOTOGRAPH_SUFFIXES)}'
            )
        self._by_stem = defaultdict(list)
        for file, path in _choose_names(files).items():
            folders, stem = split_path(file)
            photograph = Photograph('_'.join(path), file, folders, path)
            self._by_stem[stem].append(photograph)

    def __iter__(self):
        return iter(sorted(p for found in self._by_stem.values() for p in found))

    def find(self, stem: str, folders: Sequence[str], where: str) -> Photograph | None:
        """Find the photograph that a file belongs to.

        Args:
            stem (str): the photograph's, in lower case.
            folders (Sequence[str]): where the file lies, in lower case. Of photographs
                of one stem it is the one with which it shares the most folders.
            where (str): the file, for the message.

        Returns:
            Photograph | None: None where none has that stem.

        Raises:
            InputError: it could be two.
        """
        found = self._by_stem.get(stem, [])
        shared = [sum((Counter(p.folders) & Counter(folders)).values()) for p in found]
        best = [p for p, number in zip(found, shared) if number == max(shared)]
        if len(best) > 1:
            raise InputError(
                f'{where}: belongs to {best[0].file} or to {best[1].file}; say with '
                '--photographs which folder the photographs are in'
            )
        return best[0] if best else None


def is_in(file: str, folder: str | None) -> bool:
    """Whether a file lies in a folder of this name; in none that is None."""
    return folder is not None and _spell(folder) in split_path(file)[0]


def split_path(file: str) -> tuple[tuple[str, ...], str]:
    """Split a file's name into folders and stem.

    Args:
        file (str): of a source, or as an annotation has it, perhaps from Windows.

    Returns:
        Tuple[Tuple[str, ...], str]: the folders from above, and the name without
        suffix, all in lower case and as composed letters.
    """
    *folders, name = _spell(file).replace('\\', '/').split('/')
    return tuple(f for f in folders if f not in ('', '.', '..')), osp.splitext(name)[0]


def _spell(name):
    # macOS writes an accent after its letter, annotators most often as one letter.
    return unicodedata.normalize('NFC', name.lower())


def _choose_names(files):
    """What to call each photograph: its stem, after folders where it is not unique."""
    stems = {file: osp.splitext(osp.basename(file))[0] for file in files}
    number = Counter(map(fold_name, stems.values()))
    common = set.intersection(*({*split_path(file)[0]} for file in files))
    paths = {}
    for file, stem in stems.items():
        different = [f for f in file.split('/')[:-1] if _spell(f) not in common]
        paths[file] = (*different, stem) if number[fold_name(stem)] > 1 else (stem,)
    names = {file: '_'.join(path) for file, path in paths.items()}
    twice = [
        n for n, count in Counter(map(fold_name, names.values())).items() if count > 1
    ]
    if twice:
        one, other = [file for file in files if fold_name(names[file]) == twice[0]][:2]
        raise InputError(f'two photographs of one name, {one} and {other}; rename one')
    return paths


def plan_own(
    source: Source,
    photographs: Sequence[Photograph],
    masks: dict[str, dict[str, str]],
    drawn: Iterable[str],
    options: Options,
    read_as: dict,
    **plan: Any,
) -> Plan:
    """Plan the conversion of data of one's own.

    Args:
        source (Source): where they are.
        photographs (Sequence[Photograph]): those to convert.
        masks (Dict[str, Dict[str, str]]): photograph's name -> class -> file that tells
            where it was drawn.
        drawn (Iterable[str]): the classes.
        options (Options): what the user says.
        read_as (dict): plain values that tell how masks are read; another conversion of
            the same files is not the same.
        **plan: ``warnings``, ``notes``, ``read_masks`` and ``digests`` of the Plan.

    Returns:
        Plan: what is to be converted.

    Raises:
        InputError: see :func:`splitting.split_own`.
    """
    classes, drawn = order_classes(drawn)
    subsets = {
        p.name: find_subset(p.folders, source.where(p.file)) for p in photographs
    }
    paths = {p.name: p.path for p in photographs}
    patients = find_patients(paths, options.patient, paths)
    splits, leaks = split_own(subsets, patients, source.path)
    test = {*splits.get('test', ())}
    records = [
        Record(
            photograph.name,
            'test' if photograph.name in test else 'train',
            photograph.file,
            masks.get(photograph.name, {}),
        )
        for photograph in photographs
    ]
    plan['warnings'] = [*plan.get('warnings', ()), *leaks]
    plan['notes'] = [*plan.get('notes', ()), _tell_splits(splits, patients)]
    return Plan(
        dataset=source.path.resolve().name,
        records=records,
        splits=splits,
        photograph_format=_choose_format(source, photographs),
        any_photograph=True,
        classes=classes,
        drawn=drawn,
        patients=patients,
        read_as=dict(read_as, patient=options.patient),
        **plan,
    )


def _choose_format(source, photographs):
    """JPEG where all are JPEG in colour; else PNG, which loses no pixel of others."""
    for photograph in photographs:
        if not photograph.file.lower().endswith(JPEG_SUFFIXES):
            return 'PNG'
        data = source.read(photograph.file)
        header = decode_header(io.BytesIO(data), source.where(photograph.file))
        if (header.format, header.mode) != ('JPEG', 'RGB'):
            return 'PNG'
    return 'JPEG'


def _tell_splits(splits, patients):
    counts = ', '.join(
        f'{len(splits[name])} {name}'
        for name in ('train', 'val', 'test')
        if name in splits
    )
    people = counted(len({*patients.values()}), 'patient')
    return f"{counts}; {people} by the photographs' names{_example(patients)}"


def _example(patients):
    """Two photographs that are taken for one patient's, for whoever reads it."""
    first = {}
    for name, patient in patients.items():
        if patient in first:
            return f' ({first[patient]} and {name} are of one)'
        first[patient] = name
    return ' (each photograph is of another)'


def count_names(names: Sequence[str], noun: str, what: str) -> list[str]:
    """Tell how many, and the first five.

    Args:
        names (Sequence[str]): of photographs or files.
        noun (str): what one of them is, with a plural in s.
        what (str): what there is to say of them.

    Returns:
        List[str]: one line, or nothing where there are no names.
    """
    return [f'{counted(len(names), noun)} {what}: {first_few(names)}'] if names else []
