"""FiftyOne's temporal detections, labels.json of a FiftyOneTemporalDetectionDataset.

    {"classes": [name] or null,
     "labels": {id: [{"label": index or name, "timestamps": [start, end], "confidence": score}]}}

Labels are indices where there are classes. Times are seconds in "timestamps"; FiftyOne's own
exports have frames instead unless they are made with `use_timestamps=True`: "support", first and
last frame from 1, where the first frame lies at 0 and the last at the end of the video.
"""

import json
from typing import Any

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json_object, show_value
from bsp_tf.exchange import checks
from bsp_tf.exchange.table import (
    Known,
    Segment,
    Table,
    Video,
    VideoFacts,
    all_segments,
    check_segments,
    media_name,
    some,
    table_of,
    video_id_of,
)

FORM = "FiftyOne's labels.json"


def read(path: str, known: Known) -> Table:
    """Reads labels.json; samples whose labels are null are not labelled yet, and left out.

    Raises:
        InputError: the file is missing or malformed, or has frames of a video of unknown rate or
            duration.
    """
    content = read_json_object(path, "classes", "labels")
    classes = content["classes"]
    if classes is not None:
        classes = checks.as_list(classes, f"{path}: 'classes'")
    videos: dict[str, Video] = {}
    unlabelled = []
    for name, rows in checks.as_object(content["labels"], f"{path}: 'labels'").items():
        place = f"{path}: video {name!r}"
        video_id = video_id_of(name)
        if rows is None:
            unlabelled.append(video_id)
            continue
        if video_id in videos:
            raise InputError(f"{place}: {video_id!r} is there twice; give each video once.")
        facts = known.complete(video_id, VideoFacts())
        segments = tuple(
            _segment(row, classes, facts, f"{place}, entry {index}")
            for index, row in enumerate(checks.as_list(rows, place))
        )
        videos[video_id] = Video(video_id, segments, facts, place)
    notes = [f"not labelled yet, left out: {some(unlabelled)}"] if unlabelled else []
    return table_of(videos.values(), notes)


def write(table: Table) -> str:
    """The text of labels.json, with times in seconds.

    Raises:
        InputError: a segment starts before 0 or ends before it starts, or the id of a video is that
            of a file.
    """
    check_segments(table, FORM, zero_length=True)
    classes = sorted({segment.label for _, _, segment in all_segments(table)})
    indices = {label: index for index, label in enumerate(classes)}
    labels = {}
    for video in table.videos:
        media_name(Video(video.video_id, place=video.place))
        labels[video.video_id] = [_row(segment, indices) for segment in video.segments]
    content = {"classes": classes, "labels": labels}
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _row(segment: Segment, indices: dict[str, int]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "label": indices[segment.label],
        "timestamps": [segment.start, segment.end],
    }
    return row if segment.score is None else {**row, "confidence": segment.score}


def _segment(row: Any, classes: list[Any] | None, facts: VideoFacts, place: str) -> Segment:
    row = checks.as_object(row, place)
    label = row.get("label")
    if classes is not None and isinstance(label, int) and not isinstance(label, bool):
        if not 0 <= label < len(classes):
            raise InputError(
                f"{place}: 'label' is {label}; write an index into the {len(classes)} classes."
            )
        label = classes[label]
    label = checks.as_text(label, f"{place}: 'label'")
    score = row.get("confidence")
    if score is not None:
        score = checks.as_number(score, f"{place}: 'confidence'")
    if "timestamps" in row:
        times = checks.as_list(row["timestamps"], f"{place}: 'timestamps'", 2)
        start, end = (checks.as_number(time, f"{place}: 'timestamps'") for time in times)
    else:
        frames = checks.as_list(row.get("support"), f"{place}: 'support'", 2)
        start, end = (_seconds(frame, facts, f"{place}: 'support'") for frame in frames)
    return Segment(start, end, label, score)


def _seconds(frame: Any, facts: VideoFacts, what: str) -> float:
    frame = checks.as_frame(frame, what)
    if not facts.fps or not facts.duration_seconds:
        raise InputError(
            f"{what} has frames, and the rate or the duration of the video is not known: export "
            "with use_timestamps=True, or give --video_info."
        )
    frames = max(round(facts.duration_seconds * facts.fps), 1)
    if frame > frames:
        raise InputError(
            f"{what} holds frame {show_value(frame)} of a video of {frames}: check --video_info."
        )
    return round((frame - 1) / max(frames - 1, 1) * facts.duration_seconds, 6)
