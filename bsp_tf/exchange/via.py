"""VIA 3's table of temporal segments: what its export "Only Temporal Segments as CSV" writes.

    # Exported using ...
    # CSV_HEADER = metadata_id,file_list,temporal_segment_start,temporal_segment_end,metadata
    "1_x",["a.mp4"],1.5,4.25,{"TEMPORAL-SEGMENTS":"jump"}

with quotes as CSV needs them. The label is the attribute TEMPORAL-SEGMENTS, or the only one that a
row has; a score is an attribute "score". VIA does not name videos without segments; here the first
line does.
"""

import csv
import io
import json
import re

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input
from bsp_tf.base.json_file import parse_json
from bsp_tf.exchange import checks
from bsp_tf.exchange.table import (
    Known,
    Segment,
    Table,
    Video,
    VideoFacts,
    check_segments,
    media_name,
    table_of,
    video_id_of,
)

FORM = "VIA's table"
COLUMNS = "metadata_id,file_list,temporal_segment_start,temporal_segment_end,metadata"
LABEL, SCORE = "TEMPORAL-SEGMENTS", "score"
_HEADER = "# CSV_HEADER = "
_EMPTY = "videos without segments: "


def write(table: Table) -> str:
    """The text of the table.

    Raises:
        InputError: a segment starts before 0 or ends before it starts, or the id of a video is that
            of a file.
    """
    check_segments(table, FORM, zero_length=True)
    names = {video.video_id: media_name(video) for video in table.videos}
    empty = [names[video.video_id] for video in table.videos if not video.segments]
    text = io.StringIO()
    text.write(f"# Exported by bsp_tf; {_EMPTY}{json.dumps(empty)}\n{_HEADER}{COLUMNS}\n")
    rows = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
    number = 0
    for video in table.videos:
        for segment in video.segments:
            number += 1
            metadata = {LABEL: segment.label}
            if segment.score is not None:
                metadata[SCORE] = repr(segment.score)
            files = json.dumps([names[video.video_id]], ensure_ascii=False)
            about = json.dumps(metadata, ensure_ascii=False)
            rows.writerow([f"1_{number}", files, segment.start, segment.end, about])
    return text.getvalue()


def read(path: str, known: Known) -> Table:
    """Reads the table.

    Raises:
        InputError: the file is missing or another table, a row is no segment or names several
            files, or its label is not clear.
    """
    first, rows = _rows(path)
    segments: dict[str, list[Segment]] = {}
    media: dict[str, str] = {}
    for name in _empty_videos(first, path):
        segments[video_id_of(name)] = []
        media[video_id_of(name)] = name
    for number, row in enumerate(rows, start=1):
        place = f"{path}: row {number}"
        if len(row) != 5:
            raise InputError(f"{place} has {len(row)} columns; write the five of {COLUMNS}.")
        files = checks.as_list(parse_json(row[1].encode(), place), f"{place}: its files", 1)
        name = checks.as_text(files[0], f"{place}: its file")
        media[video_id_of(name)] = name
        segments.setdefault(video_id_of(name), []).append(_segment(row, place))
    return table_of(
        Video(
            video_id,
            tuple(own),
            known.complete(video_id, VideoFacts(media=media[video_id])),
            f"{path}: video {video_id!r}",
        )
        for video_id, own in segments.items()
    )


def is_via(path: str) -> bool:
    """Whether a file begins as VIA's tables do."""
    return read_input(path).decode("utf-8-sig", "replace").startswith("# Exported")


def _rows(path: str) -> tuple[str, list[list[str]]]:
    """The first line, and the rows below the header."""
    try:
        text = read_input(path).decode("utf-8-sig")
        first, _, rest = text.partition("\n")
        while rest.startswith("#") and not rest.startswith(_HEADER):
            rest = rest.partition("\n")[2]
        header, _, body = rest.partition("\n")
        if header.strip() != _HEADER + COLUMNS:
            raise InputError(
                f"{path} is no table of temporal segments (it has {header[:80]!r}): in VIA choose "
                "Export, Only Temporal Segments as CSV."
            )
        return first, [row for row in csv.reader(io.StringIO(body, newline="")) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV text ({error}). Check the path.") from error


def _empty_videos(first: str, path: str) -> list[str]:
    found = re.search(re.escape(_EMPTY) + r"(.*)", first)
    names = parse_json(found[1].encode(), f"{path}: line 1") if found else []
    return [
        checks.as_text(name, f"{path}: line 1") for name in checks.as_list(names, f"{path}: line 1")
    ]


def _segment(row: list[str], place: str) -> Segment:
    # What VIA writes for a still frame or a region.
    if "undefined" in row[2:4]:
        raise InputError(f"{place} has no end or no start, so it is no segment: remove it.")
    start, end = (checks.parse_number(text, f"{place}: its time") for text in row[2:4])
    metadata = checks.as_object(parse_json(row[4].encode(), place), f"{place}: 'metadata'")
    score = metadata.pop(SCORE, None)
    if score is not None:
        score = checks.parse_number(str(score), f"{place}: 'score'")
    if LABEL not in metadata and len(metadata) != 1:
        names = ", ".join(metadata) or "none"
        raise InputError(
            f"{place} has the attributes {names}: the label must be {LABEL}, or the only one."
        )
    label = metadata.get(LABEL, next(iter(metadata.values()), None))
    return Segment(start, end, checks.as_text(label, f"{place}: its label"), score)
