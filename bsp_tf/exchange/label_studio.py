"""Label Studio's timeline labels: the JSON that it imports and exports.

    [{"data": {"video", "video_id", "fps", "duration", "subset", "exact_segments"},
      "annotations": [{"result": [region]}] or "predictions": [{"result": [region]}]}]
    region: {"type": "timelinelabels", "from_name", "to_name",
             "value": {"ranges": [{"start", "end"}], "timelinelabels": [label]}}

A range names its first and last frame, counted from 1: frame n is shown from (n - 1) / fps on. A
time between two frames is written as the nearest one. "exact_segments", which Label Studio hands
through, keeps the seconds: a region that nobody has moved gets them back.

Annotations become annotations, and detections predictions, from which people start. Read back,
annotations count; predictions do where no task of the file has an annotation.
"""

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import quoteattr

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json
from bsp_tf.exchange import checks
from bsp_tf.exchange.table import (
    Known,
    Segment,
    Table,
    Video,
    VideoFacts,
    all_segments,
    check_segments,
    some,
    video_id_of,
)

FORM = "Label Studio's timeline"
CONTROL, OBJECT = "actions", "video"
# Label Studio puts eight hexadecimal digits before the names of uploaded files.
_UPLOADED = re.compile(r"/upload/.*/?[0-9a-f]{8}-([^/]+)$")

# What a region was that nobody has moved, label, first and last frame -> its seconds.
Unmoved = dict[tuple[str, int, int], list[tuple[float, float]]]


def label_config(table: Table) -> str:
    """The labelling interface of a project for these labels: Settings, Labeling Interface, Code."""
    labels = sorted({segment.label for _, _, segment in all_segments(table)})
    rows = "".join(f"    <Label value={quoteattr(label)}/>\n" for label in labels)
    return (
        f'<View>\n  <TimelineLabels name="{CONTROL}" toName="{OBJECT}">\n{rows}'
        f'  </TimelineLabels>\n  <Video name="{OBJECT}" value="$video" frameRate="$fps"/>\n</View>'
    )


def write(table: Table) -> str:
    """The JSON to import, a task for each video.

    Raises:
        InputError: the frame rate of a video is not known, or a segment starts before 0, ends
            before it starts or has no length.
    """
    check_segments(table, FORM, zero_length=False)
    tasks = [_task(video, table.scored) for video in table.videos]
    return json.dumps(tasks, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read(path: str, known: Known) -> Table:
    """Reads a JSON export; tasks that have no annotation yet are left out, and named.

    Raises:
        InputError: the file is missing or malformed, a video is there twice or its frame rate is
            not known, or a task has several annotations.
    """
    tasks = checks.as_list(read_json(path), f"{path}: the file")
    rows = []
    for index, task in enumerate(tasks):
        place = f"{path}: task {index}"
        task = checks.as_object(task, place)
        if "data" not in task:
            raise InputError(f"{place} has no 'data': export the project as JSON, not JSON-MIN.")
        rows.append((place, task, _annotations(task, "annotations", place)))
    scored = bool(rows) and not any(found for _, _, found in rows)
    videos: dict[str, Video] = {}
    waiting, ignored = [], Counter[str]()
    for place, task, found in rows:
        data = checks.as_object(task["data"], f"{place}: 'data'")
        video_id = _video_id(data, place)
        place = f"{place}, video {video_id!r}"
        if scored:
            found = _annotations(task, "predictions", place)
        if not found:
            waiting.append(video_id)
            continue
        if len(found) > 1:
            raise InputError(f"{place} has {len(found)} annotations: keep one of them.")
        if video_id in videos:
            raise InputError(f"{place} is there twice: give each video once.")
        facts = known.complete(video_id, _facts(data, place))
        unmoved = _exact_segments(data, facts, place)
        segments = tuple(_segments(found[0], facts, unmoved, scored, ignored, place))
        videos[video_id] = Video(video_id, segments, facts, place)
    notes = []
    if waiting:
        notes.append(f"no annotation yet, left out: {some(waiting)}")
    if ignored:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(ignored.items()))
        notes.append(f"results that are no timeline labels are left out: {kinds}")
    return Table(tuple(videos.values()), scored and bool(videos), tuple(notes))


def _task(video: Video, scored: bool) -> dict[str, Any]:
    facts = video.facts
    if not facts.fps:
        raise InputError(
            f"{video.place or repr(video.video_id)}: its frame rate is not known, and {FORM} "
            "counts frames: give --fps or --video_info."
        )
    regions, exact = [], []
    for index, segment in enumerate(video.segments):
        # At least one frame: the end is that of its last frame, the start that of its first.
        first = math.floor(segment.start * facts.fps + 0.5) + 1
        last = max(math.floor(segment.end * facts.fps + 0.5), first)
        regions.append(_region(index, segment, first, last))
        times = [segment.start, segment.end]
        exact.append({"label": segment.label, "frames": [first, last], "segment": times})
    data = {
        "video": facts.media or video.video_id,
        "video_id": video.video_id,
        "fps": facts.fps,
        "duration": facts.duration_seconds,
        "subset": facts.subset,
        "exact_segments": exact,
    }
    made = {"model_version": "bsp_tf", "result": regions} if scored else {"result": regions}
    return {
        "data": {key: value for key, value in data.items() if value not in (None, "")},
        "predictions" if scored else "annotations": [made],
    }


def _region(index: int, segment: Segment, first: int, last: int) -> dict[str, Any]:
    region = {
        "id": f"segment{index}",
        "type": "timelinelabels",
        "from_name": CONTROL,
        "to_name": OBJECT,
        "value": {"ranges": [{"start": first, "end": last}], "timelinelabels": [segment.label]},
    }
    return region if segment.score is None else {**region, "score": segment.score}


def _annotations(task: dict[str, Any], key: str, place: str) -> list[list[Any]]:
    """The results of a task's annotations or predictions, without those that were cancelled."""
    found = []
    for index, entry in enumerate(checks.as_list(task.get(key) or [], f"{place}: {key!r}")):
        what = f"{place}: {key} {index}"
        entry = checks.as_object(entry, what)
        if not entry.get("was_cancelled"):
            found.append(checks.as_list(entry.get("result"), f"{what}: 'result'"))
    return found


def _video_id(data: dict[str, Any], place: str) -> str:
    if "video_id" in data:
        return checks.as_text(data["video_id"], f"{place}: 'video_id'")
    url = checks.as_text(data.get("video"), f"{place}: 'video' in its data")
    parts = urlsplit(url)
    local = parse_qs(parts.query).get("d")
    name = local[0] if local else unquote(parts.path) or url
    uploaded = _UPLOADED.search(name)
    name = uploaded[1] if uploaded else name
    return video_id_of(name).rpartition("/")[2] or name


def _facts(data: dict[str, Any], place: str) -> VideoFacts:
    return VideoFacts(
        checks.as_positive(data.get("duration"), f"{place}: 'duration'"),
        checks.as_positive(data.get("fps"), f"{place}: 'fps'"),
        str(data.get("subset") or ""),
        str(data.get("video") or ""),
    )


def _exact_segments(data: dict[str, Any], facts: VideoFacts, place: str) -> Unmoved:
    exact: Unmoved = defaultdict(list)
    # Other frames than those that were written, if the rate is another one now.
    if facts.fps != data.get("fps"):
        return exact
    what = f"{place}: 'exact_segments'"
    for row in checks.as_list(data.get("exact_segments") or [], what):
        row = checks.as_object(row, what)
        label = checks.as_text(row.get("label"), what)
        frames = checks.as_list(row.get("frames"), what, 2)
        first, last = (checks.as_frame(frame, what) for frame in frames)
        times = checks.as_list(row.get("segment"), what, 2)
        start, end = (checks.as_number(time, what) for time in times)
        exact[label, first, last].append((start, end))
    return exact


def _segments(
    result: list[Any],
    facts: VideoFacts,
    unmoved: Unmoved,
    scored: bool,
    ignored: Counter[str],
    place: str,
) -> Iterator[Segment]:
    for index, region in enumerate(result):
        what = f"{place}, result {index}"
        region = checks.as_object(region, what)
        value = checks.as_object(region.get("value"), f"{what}: 'value'")
        if "timelinelabels" not in value:
            ignored[str(region.get("type"))] += 1
            continue
        score = region.get("score") if scored else None
        if score is not None:
            score = checks.as_number(score, f"{what}: 'score'")
        labels = checks.as_list(value["timelinelabels"], f"{what}: 'timelinelabels'")
        spans = checks.as_list(value.get("ranges"), f"{what}: 'ranges'")
        if not labels or not spans:
            raise InputError(f"{what} is a region without label or frames: mend or remove it.")
        for label in labels:
            label = checks.as_text(label, f"{what}: its label")
            for span in spans:
                start, end = _times(label, span, facts.fps, unmoved, what)
                yield Segment(start, end, label, score)


def _times(
    label: str, span: Any, fps: float | None, unmoved: Unmoved, what: str
) -> tuple[float, float]:
    """Start and end in seconds: as they were written, or of a moved region those of its frames."""
    span = checks.as_object(span, f"{what}: its range")
    first = checks.as_frame(span.get("start"), f"{what}: 'start'")
    last = checks.as_frame(span.get("end"), f"{what}: 'end'")
    if last < first:
        raise InputError(f"{what} ends at frame {last}, before it starts: mend or remove it.")
    if kept := unmoved[label, first, last]:
        return kept.pop(0)
    if not fps:
        raise InputError(
            f"{what} counts frames, and the frame rate is not known: give --fps or --video_info."
        )
    start, end = (
        checks.as_number(round(frame / fps, 6), f"{what}: its time") for frame in (first - 1, last)
    )
    return start, end
