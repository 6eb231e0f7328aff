"""metrics.jsonl: one JSON object a line, one line an epoch, each epoch exactly once."""

import json
import os
from pathlib import Path

from bsp_tf.base.atomic_file import atomic_write
from bsp_tf.base.errors import InputError


def read_rows(path: str | os.PathLike) -> list[dict]:
    """The rows of a metrics file in order; an absent file has none.

    Raises:
        InputError: a line is no JSON object.
    """
    path = Path(path)
    if not path.exists():
        return []
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise InputError(
                f"{path}, line {number} is not valid JSON ({error}). Delete that line."
            ) from error
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
