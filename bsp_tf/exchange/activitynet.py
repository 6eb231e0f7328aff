"""The JSON of this project, as ActivityNet has it: annotations, or detections.

    {"database": {id: {"subset", "duration", "fps", "annotations": [{"segment", "label"}]}}}
    {"results": {id: [{"segment", "label", "score"}]}}

Annotations are read in every form of `bsp_tf.annotations.reader`.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

from bsp_tf.annotations.reader import (
    VideoEntry,
    annotation_files,
    describe_subsets,
    read_entries,
)
from bsp_tf.annotations.tables import is_table
from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.evaluation.predictions import load_predictions, video_facts
from bsp_tf.exchange.table import Known, Segment, Table, Video, VideoFacts, refuse


def read(path: str, known: Known) -> Table:
    """Reads annotations, of one subset if `known` names one, or detections.

    Raises:
        InputError: the file is missing or malformed, or the subset has no video.
    """
    facts = _facts_of_detections(path)
    return _read(path, known) if facts is None else _read_detections(path, known, facts)


def write(table: Table) -> str:
    """The JSON text of a table: detections if it is scored, else annotations.

    Raises:
        InputError: a segment has no label, or ends before it starts.
    """
    refuse(table, lambda one: not one.label, "has no label: name its class")
    refuse(table, lambda one: one.end < one.start, "ends before it starts: mend or remove it")
    content: dict[str, Any]
    if table.scored:
        results = {video.video_id: [_row(s) for s in video.segments] for video in table.videos}
        content = {"version": "bsp_tf", "results": results, "external_data": {}}
    else:
        content = {"database": {video.video_id: _entry(video) for video in table.videos}}
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _facts_of_detections(path: str) -> dict[str, VideoFacts] | None:
    """What a file of detections says of its videos; None: it holds annotations."""
    files = annotation_files(path)
    if len(files) > 1 or is_table(files[0]):
        return None
    content = read_json(files[0])
    if not isinstance(content, dict) or "results" not in content or "database" in content:
        return None
    return {
        name: VideoFacts(_positive(facts, "duration_seconds"), _positive(facts, "fps"))
        for name, facts in video_facts(content).items()
    }


def _positive(facts: dict[str, Any], key: str) -> float | None:
    value = facts.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 < value < math.inf else None


def _read_detections(path: str, known: Known, facts: Mapping[str, VideoFacts]) -> Table:
    found = load_predictions(path)
    segments: dict[str, list[Segment]] = {name: [] for name in found.video_names}
    scores = () if found.score is None else found.score.tolist()
    rows = zip(
        found.video.tolist(), found.label.tolist(), found.segment.tolist(), scores, strict=True
    )
    for video, label, (start, end), score in rows:
        segments[found.video_names[video]].append(
            Segment(start, end, found.class_names[label], score)
        )
    videos = tuple(
        Video(
            name,
            tuple(own),
            known.complete(name, facts.get(name, VideoFacts())),
            f"{path}: video {name!r}",
        )
        for name, own in segments.items()
    )
    return Table(videos, scored=True)


def _read(path: str, known: Known) -> Table:
    entries = read_entries(path, known.subset or None)
    if known.subset and not entries.videos:
        sizes = describe_subsets(entries.subset_sizes)
        raise InputError(f"{path} has no video of subset {known.subset!r}; {sizes}.")
    others = sorted({key for entry in entries.videos for key in _others(entry)})
    notes = [f"other keys of the videos are left out: {', '.join(others)}"] if others else []
    return Table(tuple(_video(entry, known) for entry in entries.videos), notes=tuple(notes))


def _others(entry: VideoEntry) -> list[str]:
    return [*entry.extra, *(["feature_frame"] if entry.covered_seconds else [])]


def _video(entry: VideoEntry, known: Known) -> Video:
    if entry.faults:
        raise InputError(f"{entry.place}: {entry.faults[0]}.")
    own = VideoFacts(entry.duration_seconds, entry.fps, entry.subset)
    segments = tuple(Segment(*one.segment, one.label) for one in entry.instances)
    return Video(entry.video_id, segments, known.complete(entry.video_id, own), entry.place)


def _row(segment: Segment) -> dict[str, Any]:
    row: dict[str, Any] = {"segment": [segment.start, segment.end], "label": segment.label}
    return row if segment.score is None else {**row, "score": segment.score}


def _entry(video: Video) -> dict[str, Any]:
    facts = video.facts
    stated = {"subset": facts.subset, "duration": facts.duration_seconds, "fps": facts.fps}
    rows = [_row(segment) for segment in video.segments]
    return {**{key: value for key, value in stated.items() if value}, "annotations": rows}
