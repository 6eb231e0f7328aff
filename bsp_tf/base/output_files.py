"""The single files that a command writes: checked before the work, pictures drawn after it."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.base.output_lock import check_remote_output
from bsp_tf.base.remote_path import AnyPath, is_url

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")


def check_output_files(inputs: Iterable[AnyPath], outputs: Mapping[str, AnyPath]) -> None:
    """Refuses outputs that would overwrite an input or each other.

    Args:
        inputs: Files that the command reads.
        outputs: Flag, without its dashes -> the file that it names.

    Raises:
        InputError: one file is named twice, or an output is on a web server; the message gives the
            flags.
    """
    for name, path in outputs.items():
        check_remote_output(path, f"--{name}")
    resolved = {name: _one_name(path) for name, path in outputs.items()}
    read = set(map(_one_name, inputs))
    for name, path in resolved.items():
        if path in read:
            raise InputError(f"--{name}={outputs[name]} is one of the inputs: give another file.")
    if len(set(resolved.values())) < len(resolved):
        raise InputError(
            f"{', '.join(f'--{name}' for name in resolved)} name the same file: give each its own."
        )


def _one_name(path: AnyPath) -> str:
    return str(path) if is_url(path) else str(Path(str(path)).resolve())


def check_suffix(flag: str, path: str | os.PathLike, suffixes: tuple[str, ...]) -> None:
    """Raises InputError if the file of a flag ends with none of `suffixes`."""
    if not os.fspath(path).lower().endswith(suffixes):
        raise InputError(f"--{flag}={path}: end it with {', '.join(suffixes)}.")


@contextlib.contextmanager
def drawing_for(flag: str) -> Iterator[None]:
    """Around the import of figures: InputError if a library that they need is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(
            f"--{flag} needs {error.name}: pip install matplotlib, or leave it out."
        ) from error
