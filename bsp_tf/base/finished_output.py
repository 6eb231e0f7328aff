"""Whether a JSON output that is already there is the one that a command would make now."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bsp_tf.base.atomic_file import read_json
from bsp_tf.base.errors import InputError


def digest_files(paths: Iterable[str | os.PathLike]) -> str:
    """SHA-256 (hex) over the contents of files, in the given order.

    Raises:
        InputError: a file cannot be read; the message names it.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise InputError(f"cannot read {path}: {error.strerror}. Check the path.") from error
        # The length keeps ("ab", "c") apart from ("a", "bc").
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def refuse_output_inside(output: str | os.PathLike, folder: str | os.PathLike) -> None:
    """Refuses an output in a folder whose files are the input: the next run would take them for
    input.

    Raises:
        InputError: `output` is `folder` or lies below it.
    """
    if Path(output).resolve().is_relative_to(Path(folder).resolve()):
        raise InputError(
            f"--output={output} lies in the input folder {folder}, where the next run would take "
            "it for "
            "input: give a folder outside."
        )


def finished_output(
    path: str | os.PathLike, settings: Mapping[str, Any], inputs: Mapping[str, str]
) -> dict[str, Any] | None:
    """Content of a JSON output whose "external_data" holds these "settings" and "inputs".

    Args:
        path: The output.
        settings: What the user asked for; JSON values.
        inputs: Digests of what the command reads.

    Returns:
        The content; None if there is no such file, or its inputs have changed since (make it anew).

    Raises:
        InputError: the file was made with other settings (the message says which) or by another
            program.
    """
    if not os.path.exists(path):
        return None
    found = read_json(path)
    external = found.get("external_data") if isinstance(found, dict) else None
    old = external.get("settings") if isinstance(external, dict) else None
    if not isinstance(old, dict):
        raise InputError(
            f"{path} exists and was not written by this command: give another --output."
        )
    differences = [
        f"{name} was {old.get(name)!r}, is now {value!r}"
        for name, value in settings.items()
        if old.get(name) != value
    ]
    if differences:
        raise InputError(
            f"{path} was made with other settings ({'; '.join(differences)}): give another "
            "--output, or "
            "delete it."
        )
    return found if external.get("inputs") == dict(inputs) else None
