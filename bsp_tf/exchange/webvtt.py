"""WebVTT, the subtitles of browsers: a file for each video, a cue for each segment.

    WEBVTT

    1
    00:00:01.500 --> 00:00:04.250
    high jump

The first line may go on, and notes, styles and regions are skipped. In a cue "&", "<" and ">" of a
label are written as "&amp;", "&lt;" and "&gt;"; markup like "<b>" is no part of the label.
"""

import html
import re

from bsp_tf.base.errors import InputError
from bsp_tf.exchange.cues import clock, parse_span, parse_text, read_blocks, timed_segments
from bsp_tf.exchange.table import Segment, Table, check_segments

FORM = "WebVTT"


def write(table: Table) -> str:
    """The text of the file of one video.

    Raises:
        InputError: a segment starts before 0 or is shorter than a millisecond, or a label is more
            than a line.
    """
    check_segments(table, FORM, zero_length=False)
    (video,) = table.videos
    blocks = ["WEBVTT\n"]
    for number, (start, end, text) in enumerate(timed_segments(video, FORM), start=1):
        escaped = html.escape(text, quote=False)
        blocks.append(f"{number}\n{clock(start, '.')} --> {clock(end, '.')}\n{escaped}\n")
    return "\n".join(blocks)


def read(path: str) -> tuple[list[Segment], list[str]]:
    """The segments of one file, and no notes.

    Raises:
        InputError: the file is missing, no WebVTT, or a cue is malformed.
    """
    blocks = read_blocks(path)
    if not blocks or not re.match(r"WEBVTT([ \t]|$)", blocks[0][0]):
        raise InputError(f"{path} is no WebVTT: its first line must be WEBVTT.")
    segments: list[Segment] = []
    for block in blocks[1:]:
        if re.match(r"(NOTE|STYLE|REGION)([ \t]|$)", block[0]) and "-->" not in block[0]:
            continue
        place = f"{path}: cue {len(segments) + 1}"
        # Before the times a cue may have a name.
        times = 0 if "-->" in block[0] or len(block) == 1 else 1
        start, end = parse_span(block[times], place)
        text = html.unescape(re.sub(r"<[^>]*>", "", "\n".join(block[times + 1 :])))
        segments.append(parse_text(start, end, text, place))
    return segments, []
