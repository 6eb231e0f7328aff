"""Class names: the label map, and how labels are written elsewhere (folder names, numbers)."""

import os
import unicodedata
from collections.abc import Iterable

from bsp_tf.base.errors import InputError
from bsp_tf.base.labels_file import check_label_names, read_label_file

# A column with higher numbers holds something else than class numbers.
MAX_CLASS_NUMBER = 99_999


def read_labels(path: str | os.PathLike) -> list[str]:
    """Reads a label map, one class per line; line i (0-based) names class i.

    Raises:
        InputError: not readable, empty, or a class stands there twice.
    """
    labels = [label.strip() for label in read_label_file(path)]
    if not labels:
        raise InputError(f"label map {path} is empty; it needs every class once, one per line.")
    check_label_names(labels, path)
    return labels


def fold_label(label: str) -> str:
    """The letters and digits of a label, case kept: what all ways to write it have in common.

    In folder names spaces stay or become "_", quotes and brackets stay or go. Case is kept because
    Kinetics-600 has two labels that differ in little else.

    >>> fold_label("shaking hands (2)") == fold_label("shaking_hands_2")
    True
    """
    label = unicodedata.normalize("NFC", label).strip()
    return "".join(character for character in label if character.isalnum()) or label


def match_labels(
    names: Iterable[str], known: list[str] | None, source: str | os.PathLike, numbers: bool = False
) -> tuple[list[str], dict[str, tuple[int, str]]]:
    """Finds the class of every label that an input names.

    Args:
        names: all labels of the input.
        known: label map to reuse; None: the names, sorted.
        source: the input, for messages.
        numbers: whether names that are all whole numbers are positions in the label map; without
            `known` the map then names its classes "0", "1", ..., so that class k has index k.
    Returns:
        (label map, {name: (index, class name)}).
    Raises:
        InputError: `known` lacks a name, or holds two that differ from it in punctuation only; a
            name cannot be written into a label map.

    >>> match_labels(["shaking_hands", "yoga"], ["shaking hands", "yoga"], "clips/train")[1]
    {'shaking_hands': (0, 'shaking hands'), 'yoga': (1, 'yoga')}
    >>> match_labels(["2", "0"], None, "list.txt", numbers=True)[0]
    ['0', '1', '2']
    """
    names = sorted(set(names))
    check_label_names(names, source)
    if (
        numbers
        and names
        and all(name.isdecimal() and int(name) <= MAX_CLASS_NUMBER for name in names)
    ):
        if known is None:
            known = [str(number) for number in range(max(map(int, names)) + 1)]
        if not set(names) <= set(known):
            too_high = [name for name in names if int(name) >= len(known)]
            if too_high:
                raise InputError(
                    f"{source} has class number {too_high[-1]}, the label map given by --labels "
                    f"only {len(known)} classes (0 to {len(known) - 1}); use the map that belongs "
                    "to it."
                )
            return known, {name: (int(name), known[int(name)]) for name in names}
    labels = names if known is None else known
    index = {label: position for position, label in enumerate(labels)}
    folded: dict[str, list[str]] = {}
    for label in labels:
        folded.setdefault(fold_label(label), []).append(label)
    matched = {}
    for name in names:
        fitting = [name] if name in index else folded.get(fold_label(name), [])
        if len(fitting) != 1:
            fault = (
                "is not in" if not fitting else f"fits {' and '.join(map(repr, fitting[:2]))} of"
            )
            raise InputError(
                f"class {name!r} of {source} {fault} the label map given by --labels; add it "
                "there, or leave its clips out."
            )
        matched[name] = index[fitting[0]], fitting[0]
    return labels, matched
