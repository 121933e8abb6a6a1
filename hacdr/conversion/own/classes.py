"""Which class a word of the user's files means: a folder's name, a label, a value."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable, NamedTuple, Sequence
from urllib.parse import unquote

from hacdr.errors import InputError, first_few
from hacdr.files import part_of_name
from hacdr.lesions import CLASSES, LESIONS, MOST_LESIONS

BACKGROUND, IGNORED_NAME = CLASSES[0], 'ignored'
# What the field calls the lesions, as :func:`simplify` spells it. 'Exudate' alone is
# not among them: it may be a hard or a soft one.
SYNONYMS = {
    'EX': ('ex', 'hard exudate'),
    'HE': ('he', 'haemorrhage', 'hemorrhage'),
    'SE': ('se', 'soft exudate', 'cotton wool spot', 'cottonwoolspot', 'cws'),
    'MA': ('ma', 'microaneurysm', 'micro aneurysm'),
}
# What a folder's or a file's name may add to the class.
ADDED = r'(?: (?:mask|annotation|segmentation|label|gt))+s?$'


class Assignment(NamedTuple):
    """What the words mean that were found.

    Attributes:
        class_of (Dict[str, str]): word as found -> class, 'ignored' or 'background'.
        passed_over (List[str]): the words that mean nothing, sorted.
        absent (List[str]): a line for each class that was named and not found.
    """

    class_of: dict[str, str]
    passed_over: list[str]
    absent: list[str]


def parse_classes(arguments: Sequence[str]) -> dict[str, list[str]]:
    """Read what ``--classes`` says.

    Args:
        arguments (Sequence[str]): each 'CLASS', or 'CLASS=WORD' for what the files
            call it; a class may have several words.

    Returns:
        Dict[str, List[str]]: class -> its words, in the order given; 'ignored' and
        'background' may be among the classes. Empty where nothing was given.

    Raises:
        InputError: a class twice, too many of them, or a name that cannot be one.
    """
    words = {}
    for argument in arguments:
        name, equals, word = argument.partition('=')
        name = _canonical(name.strip())
        part_of_name(name)
        if not name or '&' in name or (equals and not word):
            raise InputError(
                f'--classes {argument!r}: expected CLASS or CLASS=WORD, as in EX or '
                "'EX=hard exudates'"
            )
        words.setdefault(name, [])
        if word:
            words[name].append(word.strip())
    meanings = {}
    for name in words:
        words[name] = words[name] or [name]
        for word in words[name]:
            if meanings.setdefault(simplify(word), name) != name:
                raise InputError(
                    f'--classes: {word!r} means both {meanings[simplify(word)]} and '
                    f'{name}, expected one of them'
                )
    number = len(drawn_classes(words))
    if words and not 1 <= number <= MOST_LESIONS:
        raise InputError(
            f'--classes names {number} classes, expected 1 to {MOST_LESIONS} beside '
            f'{BACKGROUND} and {IGNORED_NAME}'
        )
    return words


def assign_classes(
    found: Iterable[str],
    classes: dict[str, list[str]],
    where: str | Path,
    what: str,
    all_known: bool = True,
) -> Assignment:
    """Tell what the words mean that were found.

    Args:
        found (Iterable[str]): folders' names or labels.
        classes (Dict[str, List[str]]): of :func:`parse_classes`; where it is empty,
            only what the field calls the lesions has a meaning.
        where (str | Path): where they were found, for messages.
        what (str): what they are, for messages: 'label' or the like.
        all_known (bool): whether, without ``classes``, every word needs a meaning.

    Returns:
        Assignment: their meaning.

    Raises:
        InputError: without ``classes``, a word that has no meaning, or none that has.
    """
    found = sorted({*found})
    listed = first_few([*map(repr, found)], 12)
    meaning = find_meanings(classes)
    class_of = {w: meaning[simplify(w)] for w in found if simplify(w) in meaning}
    passed_over = [word for word in found if word not in class_of]
    advice = "say with --classes what is what, as in --classes EX 'HE=bleeding'"
    if not classes and all_known and passed_over:
        raise InputError(
            f'{where}: {what} {passed_over[0]!r} is no lesion known here; {advice} '
            f'(found: {listed})'
        )
    if not classes and not class_of:
        raise InputError(
            f'{where}: no {what} of a lesion; {advice} (found: {listed or "none"})'
        )
    absent = [
        f'no {what} {" or ".join(map(repr, words))} for {name} '
        f'(found: {listed or "none"})'
        for name, words in classes.items()
        if name not in (*class_of.values(), BACKGROUND, IGNORED_NAME)
    ]
    return Assignment(class_of, passed_over, absent)


def find_meanings(classes: dict[str, list[str]]) -> dict[str, str]:
    """List the words that have a meaning.

    Args:
        classes (Dict[str, List[str]]): of :func:`parse_classes`.

    Returns:
        Dict[str, str]: word, as :func:`simplify` spells it -> class.
    """
    meanings = {}
    for name in classes or LESIONS:
        words = classes.get(name, [name])
        # The field's words for a lesion count where nothing else was said of it.
        meant = [*words, *SYNONYMS.get(name, ())] if words == [name] else words
        meanings.update((simplify(word), name) for word in meant)
    return meanings


def drawn_classes(names: Iterable[str]) -> list[str]:
    """List the classes that are neither background nor ignored, each once."""
    return [n for n in dict.fromkeys(names) if n not in (BACKGROUND, IGNORED_NAME)]


def order_classes(names: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the classes their values.

    Args:
        names (Iterable[str]): the classes that were drawn.

    Returns:
        Tuple[Tuple[str, ...], Tuple[str, ...]]: all classes by label value, the
        background first: the field's five where the names are among them, otherwise the
        names, the field's lesions first; and the names, in this order.
    """
    names = [*dict.fromkeys(names)]
    lesions = [name for name in LESIONS if name in names]
    others = [name for name in names if name not in LESIONS]
    classes = (BACKGROUND, *lesions, *others) if others else CLASSES
    return classes, (*lesions, *others)


def simplify(word: str) -> str:
    """Spell a word so that words that look alike are equal.

    Args:
        word (str): as found: '3. Hard_Exudates', 'hard%20exudate', 'HardExudate_Masks'.

    Returns:
        str: 'hard exudate'.
    """
    word = re.sub(r'(?<=[a-z])(?=[A-Z][a-z])', ' ', unquote(word))
    word = re.sub(r'[\s_-]+', ' ', word).strip().lower()
    word = re.sub(r'^\w{1,2}\. ', '', word)
    word = re.sub(ADDED, '', word)
    return re.sub(r'(?<=[a-z]{3})s$', '', word)


def _canonical(name):
    """The field's names in the field's case, others as they are."""
    known = {k.lower(): k for k in (*LESIONS, BACKGROUND, IGNORED_NAME)}
    return known.get(name.lower(), name)
