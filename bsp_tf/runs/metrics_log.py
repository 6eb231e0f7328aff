"""metrics.jsonl: one JSON object a line, one line an epoch, each epoch exactly once."""

import json
import os
from pathlib import Path

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input
from bsp_tf.base.json_file import parse_json


def read_rows(path: str | os.PathLike) -> list[dict]:
    """The rows of a metrics file in order; an absent file has none.

    Raises:
        InputError: a line is no JSON object.
    """
    path = Path(path)
    if not path.exists():
        return []
    lines = read_input(path).removesuffix(b"\n").split(b"\n")
    if lines == [b""]:
        return []
    rows = [parse_json(line, f"{path}, line {n},") for n, line in enumerate(lines, start=1)]
    strange = [n for n, row in enumerate(rows, start=1) if not isinstance(row, dict)]
    if strange:
        raise InputError(f"{path}, line {strange[0]}, is no row of numbers. Delete that line.")
    return rows


def write_rows(path: str | os.PathLike, rows: list[dict]) -> None:
    """Writes the whole file anew, atomically: a kill leaves the old one or the new one whole."""
    with atomic_write(path, "w") as file:
        for row in rows:
            file.write(json.dumps(row, allow_nan=False) + "\n")


def append_row(path: str | os.PathLike, row: dict) -> None:
    """Adds one row. A few hundred short rows at most, so writing the file anew costs nothing."""
    write_rows(path, [*read_rows(path), row])


def drop_rows_after(path: str | os.PathLike, step: int) -> None:
    """Drops the rows of evaluations after `step`: a run resumed at `step` makes them again."""
    rows = read_rows(path)
    kept = [row for row in rows if row["step"] <= step]
    if len(kept) < len(rows):
        write_rows(path, kept)
