"""The file of class names, `labels.txt`: UTF-8, one name a line, line i (from 0) is class i.

One reader and one writer for all of them: of records, workdirs and SavedModels, and written by
hand. A line ends with "\\n" (or "\\r\\n") and nothing else. Other programs also end lines at U+2028
and its like, and would then give every later class another name: such a name is never written.
"""

import os
from collections.abc import Iterable, Sequence

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import Readable, read_input
from bsp_tf.base.remote_path import AnyPath


def read_label_file(path: str | os.PathLike | Readable) -> list[str]:
    """Class names by class index; [] for an empty file.

    A byte order mark and empty lines at the end are passed over.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or has a name that is empty or there
            twice; the message gives the line.
    """
    try:
        text = read_input(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text ({error.reason}): save it as UTF-8.") from error
    names = [line.removesuffix("\r") for line in text.split("\n")]
    while names and not names[-1]:
        names.pop()
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name.strip() or name in seen:
            raise InputError(
                f"{path}, line {number}: the class name {name!r} is empty or there twice. It needs "
                "every class once, one per line."
            )
        seen.add(name)
    return names


def write_label_file(path: AnyPath, names: Sequence[str]) -> None:
    """Writes class names, atomically; InputError as `check_label_names`."""
    check_label_names(names, path)
    with atomic_write(path, "w") as file:
        file.writelines(f"{name}\n" for name in names)


def check_label_names(names: Iterable[str], source: AnyPath) -> None:
    """Refuses class names that would not be read back as they are.

    Args:
        names: Class names.
        source: Where they come from, for the message.

    Raises:
        InputError: a name is empty, there twice, starts with a byte order mark, holds a line break
            of any kind, or is not UTF-8.
    """
    seen: set[str] = set()
    for name in names:
        if any("\ud800" <= character <= "\udfff" for character in name):
            fault = "is not UTF-8"
        elif len(name.splitlines()) > 1 or name != "".join(name.splitlines()):
            fault = "holds a line break"
        elif name.startswith("\ufeff"):
            fault = "starts with a byte order mark"
        elif not name.strip():
            fault = "is empty"
        elif name in seen:
            fault = "is there twice"
        else:
            seen.add(name)
            continue
        raise InputError(
            f"the class name {name!r} of {source} {fault}, so it cannot stand in a list of class "
            "names: rename the class (its folder, or its label)."
        )
