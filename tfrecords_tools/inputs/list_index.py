"""Clips of files that name paths: lists without a header, and CSV files with one.

    list     path label
             one line per clip; separated by tab, comma or space; the label may be missing
    table    video_path[,start,end][,label][,split]
             a CSV header, in any order and the spellings of `clip_table.ALIASES`; the clip is cut
             out where start and end are given

Paths are relative to the folder of the videos, or absolute. Labels that are all whole numbers are
class numbers: class 3 has index 3. In a list with spaces, the path ends where the line so far names
a file that is there, so paths and labels may hold spaces too.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from typing import IO

from bsp_tf.base.errors import InputError
from bsp_tf.base.remote_path import AnyPath, is_url
from tfrecords_tools.inputs.clip_index import ClipIndex
from tfrecords_tools.inputs.clip_table import ChosenRows, Row, Table, open_text
from tfrecords_tools.inputs.file_listing import describe_absent, existing_folder
from tfrecords_tools.inputs.found_clips import FoundClips
from tfrecords_tools.inputs.known_files import KnownFiles, refuse_same_address
from tfrecords_tools.inputs.label_map import match_labels

# Where a path that is not there most likely ends: after its suffix.
_SUFFIX_THEN_SPACE = re.compile(r"(.*?\.\w{2,5})\s+(.*)", re.DOTALL)


def index_table(
    path: str | os.PathLike,
    root: AnyPath,
    known: list[str] | None = None,
    *,
    split: str | None = None,
    unlabelled: bool = False,
) -> ClipIndex:
    """Indexes a CSV file with a column of paths; rows whose file is not there become `missing`.

    Args:
        path: the CSV file.
        root: folder that the paths are relative to.
        known: label map to reuse; None: the labels of the whole file, sorted.
        split: take only the rows with this text in the column `split`.
        unlabelled: take the clips without their labels.
    Raises:
        InputError: not readable, no column of paths, no row of `split`, a label that `known` lacks,
            or no file for any row.
    """
    root = existing_folder(root, "--videos")
    rows = ChosenRows(Table(path, ("video_path",)).rows("video_path"), split, path)
    return _index_rows("table", rows, KnownFiles(root), path, known, unlabelled)


def index_list(
    path: str | os.PathLike,
    root: AnyPath,
    known: list[str] | None = None,
    *,
    unlabelled: bool = False,
) -> ClipIndex:
    """Indexes a list without header, a line per clip; lines without their file become `missing`.

    Args and errors: as `index_table`.
    """
    root = existing_folder(root, "--videos")
    files = KnownFiles(root)
    rows = ChosenRows(_read_list(path, files), None, path)
    return _index_rows("list", rows, files, path, known, unlabelled)


def _index_rows(
    form: str,
    rows: ChosenRows,
    files: KnownFiles,
    source: str | os.PathLike,
    known: list[str] | None,
    unlabelled: bool,
) -> ClipIndex:
    found, missing, absent = FoundClips(), [], []
    name, path, is_there = "", "", False
    for row in rows:
        if row.fault:
            place = files.tidy(row.name) if row.name else f"line {row.line}"
            missing.append((place, f"{source}, line {row.line}: {row.fault}"))
            continue
        # As a rule the pieces of a video follow each other.
        if row.name != name:
            name, path, is_there = row.name, files.tidy(row.name), row.name in files
        if is_there:
            label = None if unlabelled else row.label
            found.add(path, label, row.span_seconds, cut=row.span_seconds is not None)
        else:
            absent.append(path)
    labels, matched = (
        (known or [], {}) if unlabelled else match_labels(rows.labels, known, source, numbers=True)
    )
    if not found:
        name, reason = missing[0] if missing else (absent[0], "no such file")
        raise InputError(
            f"no clip found: none of the {rows.number} rows of {source} (read as a {form}) can be "
            f"used with the folder {files.root} (the first: {name}, {reason}); check --videos."
        )
    clips, num_repeated = found.sorted(matched)
    refuse_same_address(found.paths, source)
    # Only names below the folder are worth its listing: it may hold millions of files.
    below = any(not path.startswith("/") and not is_url(path) for path in absent)
    missing += describe_absent(absent, files.listed() if below else []).items()
    warnings = (
        [f"{num_repeated} rows of {source} repeat another row and are left out."]
        if num_repeated
        else []
    )
    num_bare = clips.num_unlabelled
    if 0 < num_bare < len(clips) and not unlabelled:
        warnings.append(
            f"{num_bare} of {len(clips)} clips of {source} have no label and get the index -1."
        )
    return ClipIndex(files.root, form, clips, labels, list(dict.fromkeys(missing)), warnings)


def _read_list(path: str | os.PathLike, files: KnownFiles) -> Iterator[Row]:
    """The lines of a list as rows."""
    with open_text(path) as file:
        separator = next((mark for mark in "\t," if _separates(mark, file)), None)
        file.seek(0)
        if separator:
            reader = _fields_of(file, separator)
            for fields in reader:
                if any(field.strip() for field in fields):
                    yield _row(reader.line_num, *_split_fields(fields, separator, files))
            return
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _row(number, *_split_line(line.strip(), files))


def _fields_of(file: IO[str], separator: str):
    return csv.reader(file, delimiter=separator, skipinitialspace=True)


def _separates(mark: str, file: IO[str]) -> bool:
    """Whether every line holds the mark (outside quotes)."""
    file.seek(0)
    try:
        return all(
            len(fields) > 1
            for fields in _fields_of(file, mark)
            if any(field.strip() for field in fields)
        )
    except csv.Error:
        return False


def _row(line: int, path: str, label: str) -> Row:
    return Row(
        line,
        path.strip(),
        label.strip() or None,
        "",
        None,
        "" if path.strip() else "the line has no path",
    )


def _split_fields(fields: Sequence[str], separator: str, files: KnownFiles) -> tuple[str, str]:
    """(path, label); both may hold the separator: the longest path that is there counts."""
    for count in range(len(fields), 0, -1):
        path = separator.join(fields[:count]).strip()
        if path in files:
            return path, separator.join(fields[count:])
    return separator.join(fields[:-1]) or fields[0], fields[-1] if len(fields) > 1 else ""


def _split_line(line: str, files: KnownFiles) -> tuple[str, str]:
    """(path, label) of a line with spaces; the longest path that is there counts."""
    line = line.strip('"') if line.count('"') == 2 and line[0] == line[-1] == '"' else line
    ends = [len(line), *(match.start() for match in reversed(list(re.finditer(r"\s+", line))))]
    for end in ends:
        if line[:end] in files:
            return line[:end], line[end:]
    guess = _SUFFIX_THEN_SPACE.fullmatch(line)
    if guess:
        return guess[1], guess[2]
    path, _, label = line.rpartition(" ")
    return (path, label) if path else (line, "")
