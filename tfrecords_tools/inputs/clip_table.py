"""Reads CSV files with a header, row by row, in any order and usual spelling of the columns."""

import contextlib
import csv
import functools
import io
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import open_input

# Column -> other names that people give it.
ALIASES = {
    "video_path": ("path", "video", "file", "filename", "file_name", "file_path", "filepath"),
    "youtube_id": ("youtubeid",),
    "label": ("class", "classname", "class_name", "action"),
    "time_start": ("start", "start_time", "start_seconds", "start_sec"),
    "time_end": ("end", "end_time", "end_seconds", "end_sec"),
    "split": ("subset",),
}
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


class Row(NamedTuple):
    """One row: what it says, or why it cannot be used.

    Attributes:
        line: number of its last line in the file, from 1.
        name: text of the naming column (`youtube_id` or `video_path`).
        label: None if the column is missing or the field empty.
        split: "" if the column is missing or the field empty.
        span_seconds: None if there are no such columns, or both fields are empty.
        fault: "" for a good row.
    """

    line: int
    name: str
    label: str | None
    split: str
    span_seconds: tuple[float, float] | None
    fault: str


class Table:
    """A CSV file with a header.

    Attributes:
        columns: {column as in ALIASES: position}.
    """

    def __init__(self, path: str | os.PathLike, required: Sequence[str]) -> None:
        """Reads the header.

        Raises:
            InputError: not readable, or a required column is missing.
        """
        self._path = path
        with open_text(path) as file:
            header = file.readline()
            self._delimiter = delimiter_of(header)
            file.seek(0)
            self._names: list[str] = next(self._reader(file), [])
        self.columns = find_columns(self._names)
        lacking = [name for name in required if name not in self.columns]
        if ("time_start" in self.columns) != ("time_end" in self.columns):
            lacking += [
                name for name in ("time_start", "time_end") if name not in (*self.columns, *lacking)
            ]
        if lacking:
            raise InputError(
                f"{path} lacks the column {', '.join(lacking)}; its first line must name at least "
                f"{','.join(required)} (found: {','.join(self._names) or 'nothing'})."
            )

    def rows(self, name_column: str) -> Iterator[Row]:
        """Reads the rows; empty lines are skipped.

        Raises:
            InputError: not readable.
        """
        name_at, label_at, split_at, start_at, end_at = (
            self.columns.get(column)
            for column in (name_column, "label", "split", "time_start", "time_end")
        )
        # One string per label and split, not one per row.
        texts: dict[str, str] = {}
        with open_text(self._path) as file:
            reader = self._reader(file)
            next(reader, None)
            for fields in reader:
                if not "".join(fields).strip():
                    continue
                if len(fields) < len(self._names):
                    fields += [""] * (len(self._names) - len(fields))
                label = (
                    ""
                    if label_at is None
                    else texts.setdefault(fields[label_at], fields[label_at].strip())
                )
                split = (
                    ""
                    if split_at is None
                    else texts.setdefault(fields[split_at], fields[split_at].strip())
                )
                span, fault = None, ""
                if start_at is not None:
                    span, fault = _read_span(fields[start_at], fields[end_at])
                name = fields[name_at].strip()
                yield Row(
                    reader.line_num,
                    name,
                    label or None,
                    split,
                    span,
                    fault if name else f"the row has no {name_column}",
                )

    def _reader(self, file: IO[str]):
        return csv.reader(file, delimiter=self._delimiter, skipinitialspace=True)


class ChosenRows:
    """The rows of one split, or all, read once, one after the other; and what all of them say.

    Attributes:
        labels: labels of the rows so far, those of other splits as well.
        number: rows of the split so far.
    """

    def __init__(self, rows: Iterable[Row], split: str | None, path: str | os.PathLike) -> None:
        """Keeps the arguments: the rows, the split (None: all), and the file, for messages."""
        self.labels: set[str] = set()
        self.number = 0
        self._rows, self._split, self._path = rows, split, path

    def __iter__(self) -> Iterator[Row]:
        """Reads the rows.

        Raises:
            InputError: not readable, or (at the end) there was no such row.
        """
        splits = set()
        for row in self._rows:
            splits.add(row.split)
            if row.label is not None:
                self.labels.add(row.label)
            if self._split is None or row.split == self._split:
                self.number += 1
                yield row
        if self.number:
            return
        if not splits:
            raise InputError(f"{self._path} holds no row; nothing to convert.")
        there = ", ".join(sorted(map(repr, splits - {""})))
        raise InputError(
            f"{self._path} has no row of split {self._split!r}; "
            + (f"its splits: {there}." if there else "it names no splits, so leave --split out.")
        )


@contextlib.contextmanager
def open_text(path: str | os.PathLike) -> Iterator[IO[str]]:
    """Opens a text file in UTF-8, with or without byte order mark.

    Bytes that are not UTF-8 are kept as they are kept in file names.

    Raises:
        InputError: it cannot be read, is UTF-16, or (within the block) is not a CSV.
    """
    try:
        with open_input(path) as file:
            if file.read(2) in _UTF16_MARKS:
                raise InputError(f"{path} is in UTF-16; save it as UTF-8.")
            file.seek(0)
            yield io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
    except (OSError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {path}: {reason}; give a text file in UTF-8.") from error


def delimiter_of(header: str) -> str:
    """Tab, semicolon or comma, whichever the first line has."""
    return next(
        (mark for mark in "\t;" if mark in header and not (mark == ";" and "," in header)), ","
    )


def find_columns(names: Sequence[str]) -> dict[str, int]:
    """Position of each column of ALIASES among header fields; its own name goes before aliases.

    >>> find_columns(["Start Time", "end", "YouTube-ID"])
    {'youtube_id': 2, 'time_start': 0, 'time_end': 1}
    """
    written: dict[str, int] = {}
    for position, name in enumerate(names):
        written.setdefault("_".join(name.strip().lower().replace("-", " ").split()), position)
    found = {}
    for column, others in ALIASES.items():
        positions = [written[name] for name in (column, *others) if name in written]
        if positions:
            found[column] = positions[0]
    return found


@functools.lru_cache(maxsize=1 << 16)
def _read_span(start: str, end: str) -> tuple[tuple[float, float] | None, str]:
    """((start, end) to the microsecond, "") or (None, what is wrong)."""
    if not start.strip() and not end.strip():
        return None, ""
    seconds = []
    for name, text in (("start", start), ("end", end)):
        try:
            seconds.append(round(float(text), 6))
        except ValueError:
            seconds.append(math.nan)
        if not 0 <= seconds[-1] < math.inf:
            return None, f"{name} is {text!r}, not a number of seconds"
    if seconds[0] >= seconds[1]:
        return None, f"start {start.strip()} is not before end {end.strip()}"
    return (seconds[0], seconds[1]), ""
