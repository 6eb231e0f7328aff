"""SubRip (SRT), the subtitles of players: a file for each video, a numbered block for each segment.

    1
    00:00:01,500 --> 00:00:04,250
    high jump

SRT has no way to write "-->" or an empty line in a text. The numbers may be missing when it is
read, and the text is taken as it stands.
"""

from bsp_tf.exchange.cues import clock, parse_span, parse_text, read_blocks, timed_segments
from bsp_tf.exchange.table import Segment, Table, check_segments, refuse

FORM = "SRT"


def write(table: Table) -> str:
    """The text of the file of one video.

    Raises:
        InputError: a segment starts before 0 or is shorter than a millisecond, or a label is more
            than a line or holds "-->".
    """
    check_segments(table, FORM, zero_length=False)
    (video,) = table.videos
    refuse(
        table,
        lambda one: "-->" in one.label,
        f"has '-->' in its label, which {FORM} cannot hold: rename the class",
    )
    blocks = [
        f"{number}\n{clock(start, ',')} --> {clock(end, ',')}\n{text}\n"
        for number, (start, end, text) in enumerate(timed_segments(video, FORM), start=1)
    ]
    return "\n".join(blocks)


def read(path: str) -> tuple[list[Segment], list[str]]:
    """The segments of one file, and no notes.

    Raises:
        InputError: the file is missing, or a block is malformed.
    """
    segments: list[Segment] = []
    for number, block in enumerate(read_blocks(path), start=1):
        place = f"{path}: block {number}"
        times = 1 if len(block) > 1 and block[0].strip().isdigit() else 0
        start, end = parse_span(block[times], place)
        segments.append(parse_text(start, end, "\n".join(block[times + 1 :]), place))
    return segments, []
