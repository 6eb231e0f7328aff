"""What to convert: files and their classes, from a folder per class or from a Kinetics CSV. NumPy and TensorFlow free.

    folder per class    <input>/<label>/<anything>.mp4; folders inside a class folder belong to that class.
    Kinetics CSV        label,youtube_id,time_start,time_end,split[,is_cc] against <input>, where a clip is
                        <label>/<youtube_id>_%06d_%06d.<any suffix> or lies flat in <input>.

Every file that is not hidden counts as a clip: one that is no video ends up in the list of failures, not in silence.
"""

import csv
import dataclasses
import math
import os
from collections.abc import Iterable
from pathlib import Path

from bsp_tf.base.errors import InputError
from bsp_tf.data.video_reader import find_files

REQUIRED_COLUMNS = ("youtube_id", "time_start", "time_end")
# Downloaders drop these from folder names; spaces become underscores.
DROPPED_CHARACTERS = str.maketrans(" ", "_", "\"()'")


@dataclasses.dataclass(frozen=True)
class ClipSpec:
    """One clip to convert.

    Attributes:
        path: path relative to the input folder, with "/"; it becomes the record's `video/filename`.
        label: raw class name, or None if the clip is unlabelled.
        span_seconds: (start, end) of the clip in the video that it was trimmed from; None: the file is all there is.
    """

    path: str
    label: str | None
    span_seconds: tuple[float, float] | None = None


@dataclasses.dataclass
class ClipIndex:
    """All clips of an input.

    Attributes:
        clips: sorted by path.
        labels: `sorted()` raw class names; the index of a class is its position here.
        missing: (path or name, reason) of clips that the CSV names and the folder does not hold.
        warnings: one line each.
    """

    clips: list[ClipSpec]
    labels: list[str]
    missing: list[tuple[str, str]]
    warnings: list[str]


def fold_label(label: str) -> str:
    """The label as downloaders write it in folder names: spaces to "_", quotes and brackets dropped, case kept.

    Case is kept because Kinetics-600 has two labels that differ in little else.
    """
    return label.strip().translate(DROPPED_CHARACTERS)


def read_labels(path: str | os.PathLike) -> list[str]:
    """Reads a label map, one class a line; line i (0-based) names class i.

    Raises:
        InputError: not readable, empty, or a class stands there twice.
    """
    try:
        labels = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read the label map {path}: {reason}; give a text file, one class a line.") from error
    repeated = sorted({label for label in labels if labels.count(label) > 1}) if len(set(labels)) < len(labels) else []
    if not labels or repeated:
        fault = f"names {repeated[0]!r} twice" if repeated else "is empty"
        raise InputError(f"label map {path} {fault}; it needs every class once, one a line.")
    return labels


def index_folder(root: str | os.PathLike, labels: list[str] | None = None) -> ClipIndex:
    """Indexes a folder with one folder per class.

    Args:
        root: input folder.
        labels: label map to reuse; folder names may be its labels folded (`fold_label`). None: `sorted()` names of
            the class folders. A class folder without a file is warned of and stays in the map.
    Raises:
        InputError: no such folder, no class folder, no file at all, or a class that `labels` does not hold.
    """
    root = _existing_folder(root)
    folders = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not folders:
        raise InputError(f"{root} holds no class folder; expected {root}/<class>/<clip>.mp4, or give --csv.")
    label_of = dict(zip(folders, _match_labels(folders, labels, root), strict=True))
    clips, warnings = [], []
    loose = []
    filled = set()
    for path in find_files(root):
        relative = path.relative_to(root).as_posix()
        folder, _, rest = relative.partition("/")
        if not rest:
            loose.append(relative)
            continue
        filled.add(folder)
        clips.append(ClipSpec(relative, label_of[folder]))
    for folder in folders:
        if folder not in filled:
            warnings.append(f"class folder {root / folder} is empty; the class stays in the label map without a clip.")
    if loose:
        warnings.append(f"{len(loose)} files lie directly in {root}, in no class folder, and are left out "
                        f"(the first: {loose[0]}).")
    if not clips:
        raise InputError(f"no clip found: the class folders of {root} are all empty; put the video files there.")
    return ClipIndex(clips, labels or folders, [], warnings)


def index_kinetics_csv(csv_path: str | os.PathLike, root: str | os.PathLike,
                       labels: list[str] | None = None) -> ClipIndex:
    """Indexes the rows of a Kinetics CSV whose file is in a folder; the others become `missing`.

    Args:
        csv_path: CSV with the columns youtube_id, time_start, time_end and perhaps label (others are ignored).
        root: folder of the trimmed clips.
        labels: label map to reuse; None: `sorted()` labels of the CSV, also those without any file.
    Raises:
        InputError: missing column, a time that is no number, a row that ends early, a label that `labels` does not
            hold, two labels that downloaders would put into one folder, or no file for any row.
    """
    root = _existing_folder(root)
    rows, has_labels = _read_rows(csv_path)
    raw_labels = sorted({row["label"] for row in rows}) if has_labels else []
    matched = dict(zip(raw_labels, _match_labels(raw_labels, labels, csv_path), strict=True))
    _refuse_ambiguous(raw_labels, csv_path)
    by_stem: dict[str, list[str]] = {}
    for path in find_files(root):
        by_stem.setdefault(path.stem, []).append(path.relative_to(root).as_posix())
    clips, missing, warnings, seen = [], [], [], set()
    num_repeated = 0
    for row in rows:
        start, end = row["time_start"], row["time_end"]
        stem = f"{row['youtube_id']}_{int(start):06d}_{int(end):06d}"
        label = matched[row["label"]] if has_labels else None
        name = f"{row['label']}/{stem}.mp4" if has_labels else f"{stem}.mp4"
        if (stem, label) in seen:
            num_repeated += 1
            continue
        seen.add((stem, label))
        path, reason = _find_clip(by_stem.get(stem, []), row["label"] if has_labels else None)
        if path is None:
            missing.append((name, reason))
        else:
            clips.append(ClipSpec(path, label, (start, end)))
    if num_repeated:
        warnings.append(f"{num_repeated} rows of {csv_path} repeat an earlier row and are left out.")
    if not clips:
        raise InputError(f"no clip found: none of the {len(rows)} rows of {csv_path} has its file in {root} "
                         f"(the first would be {missing[0][0] if missing else '...'}); check --input.")
    clips.sort(key=lambda clip: clip.path)
    return ClipIndex(clips, labels or raw_labels, missing, warnings)


def _existing_folder(root: str | os.PathLike) -> Path:
    root = Path(root)
    if not root.is_dir():
        fault = "is no folder" if root.exists() else "does not exist"
        raise InputError(f"input folder {root} {fault}; check --input.")
    return root


def _match_labels(names: Iterable[str], labels: list[str] | None, source: str | os.PathLike) -> list[str]:
    """The label of the map for each name: itself, or the one that folds to the same."""
    if labels is None:
        return list(names)
    known = set(labels)
    folded = {fold_label(label): label for label in labels}
    matched = []
    for name in names:
        label = name if name in known else folded.get(fold_label(name))
        if label is None:
            raise InputError(f"class {name!r} of {source} is not in the label map given by --labels; add it there, "
                             "or leave its clips out.")
        matched.append(label)
    return matched


def _refuse_ambiguous(labels: list[str], csv_path: str | os.PathLike) -> None:
    folded: dict[str, str] = {}
    for label in labels:
        other = folded.setdefault(fold_label(label), label)
        if other != label:
            raise InputError(f"labels {other!r} and {label!r} of {csv_path} differ only in spaces, quotes or brackets "
                             "and would share a folder; rename one of them.")


def _read_rows(csv_path: str | os.PathLike) -> tuple[list[dict], bool]:
    """The rows with times as floats, and whether there is a label column."""
    rows = []
    try:
        with open(csv_path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            lacking = [name for name in REQUIRED_COLUMNS if name not in columns]
            if lacking:
                raise InputError(f"{csv_path} lacks the column {', '.join(lacking)}; its first line must name "
                                 f"[label,]{','.join(REQUIRED_COLUMNS)} (found: {','.join(columns) or 'nothing'}).")
            has_labels = "label" in columns
            for row in reader:
                rows.append(_checked_row(row, has_labels, f"{csv_path}, line {reader.line_num}"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {csv_path}: {reason}; give a CSV file in UTF-8.") from error
    if not rows:
        raise InputError(f"{csv_path} holds no row below its header; nothing to convert.")
    return rows, has_labels


def _checked_row(row: dict, has_labels: bool, place: str) -> dict:
    needed = (*REQUIRED_COLUMNS, "label") if has_labels else REQUIRED_COLUMNS
    lacking = [name for name in needed if not (row[name] or "").strip()]
    if lacking:
        raise InputError(f"{place}: the row has no {lacking[0]}; mend or remove it.")
    row["youtube_id"] = row["youtube_id"].strip()
    if has_labels:
        row["label"] = row["label"].strip()
    for name in ("time_start", "time_end"):
        text = row[name]
        try:
            row[name] = float(text)
        except ValueError:
            row[name] = math.nan
        if not 0 <= row[name] < math.inf:
            raise InputError(f"{place}: {name} is {text!r}, not a number of seconds; mend or remove it.")
    return row


def _find_clip(paths: list[str], label: str | None) -> tuple[str | None, str]:
    """(path, "") of the one file that fits, or (None, reason)."""
    if label is None:
        fitting = paths
    else:
        fitting = [path for path in paths if "/" not in path or fold_label(path.split("/")[0]) == fold_label(label)]
    if len(fitting) == 1:
        return fitting[0], ""
    if fitting:
        return None, f"{len(fitting)} files fit: {', '.join(fitting)}"
    return None, f"no such file, only {paths[0]}" if paths else "no such file"
