"""What WebVTT, SRT and ELAN share: times in milliseconds, and a label and its score as text.

The text of a segment is its label; of a detection it has a second line, "score=0.87".
"""

import math
import re

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input
from bsp_tf.exchange import checks
from bsp_tf.exchange.table import Segment, Video

_SCORE = re.compile(r"score=([-+0-9.eE]+)")


def timed_segments(video: Video, form: str) -> list[tuple[int, int, str]]:
    """Start and end in milliseconds and the text of each segment, by time.

    Raises:
        InputError: a segment is shorter than a millisecond, or its label cannot be written as one
            line.
    """
    rows = []
    for index, segment in enumerate(video.segments):
        start, end = (math.floor(time * 1000 + 0.5) for time in (segment.start, segment.end))
        if start == end:
            raise InputError(
                f"{video.entry(index)} is shorter than a millisecond, which {form} cannot hold: "
                "mend or remove it."
            )
        if re.search(r"[\r\n\0]", segment.label) or segment.label.strip(" \t") != segment.label:
            raise InputError(
                f"{video.entry(index)}: {form} holds labels of one line, without spaces around "
                "them; rename the class."
            )
        score = "" if segment.score is None else f"\nscore={segment.score!r}"
        rows.append((start, end, segment.label + score))
    return sorted(rows, key=lambda row: row[:2])


def parse_text(start: int, end: int, text: str, place: str) -> Segment:
    """The segment of a text between two times in milliseconds.

    Raises:
        InputError: it has no label, or lines beside the label and the score.
    """
    lines = [line.strip(" \t") for line in text.split("\n")]
    score = _SCORE.fullmatch(lines[1]) if len(lines) == 2 else None
    if not lines[0] or (len(lines) > 1 and not score):
        raise InputError(
            f"{place} holds {' / '.join(lines)!r}: write the name of one class, in one line."
        )
    number = checks.parse_number(score[1], f"{place}: its score") if score else None
    return Segment(start / 1000, end / 1000, lines[0], number)


def clock(milliseconds: int, mark: str) -> str:
    """A time as hours:minutes:seconds and milliseconds, `mark` between the two last.

    >>> clock(3_723_004, ".")
    '01:02:03.004'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{mark}{rest:03}"


def parse_clock(text: str, place: str) -> int:
    """A time in milliseconds; hours may be left out, the mark may be a point or a comma.

    Raises:
        InputError: it is no such time.
    """
    match = re.fullmatch(r"(?:(\d{1,6}):)?([0-5]\d):([0-5]\d)[.,](\d{3})", text, re.ASCII)
    if not match:
        raise InputError(f"{place}: {text!r} is no time; write hours:minutes:seconds.thousandths.")
    hours, minutes, seconds, rest = (int(part or 0) for part in match.groups())
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def read_blocks(path: str) -> list[list[str]]:
    """The lines of a text file in UTF-8, split where lines are empty.

    Raises:
        InputError: the file is missing, or no such text.
    """
    try:
        text = read_input(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no text in UTF-8 ({error}): save it as UTF-8.") from error
    blocks: list[list[str]] = [[]]
    for line in re.split(r"\r\n|\n|\r", text):
        if line.strip(" \t"):
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def parse_span(line: str, place: str) -> tuple[int, int]:
    """Start and end of a line "start --> end", whatever settings follow it.

    Raises:
        InputError: it is no such line, or the end does not lie behind the start.
    """
    parts = line.split()
    if len(parts) < 3 or parts[1] != "-->":
        raise InputError(f"{place}: {line!r} is no line 'start --> end'.")
    start, end = (parse_clock(text, place) for text in (parts[0], parts[2]))
    if end <= start:
        raise InputError(f"{place} ends at {parts[2]}, which is not after {parts[0]}: mend it.")
    return start, end
