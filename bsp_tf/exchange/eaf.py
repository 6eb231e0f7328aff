"""ELAN's .eaf, format 3.0: a file for each video, an annotation for each segment.

    ANNOTATION_DOCUMENT
      HEADER TIME_UNITS="milliseconds" (MEDIA_DESCRIPTOR)
      TIME_ORDER: TIME_SLOT TIME_SLOT_ID TIME_VALUE
      TIER TIER_ID: ANNOTATION, ALIGNABLE_ANNOTATION TIME_SLOT_REF1 TIME_SLOT_REF2, ANNOTATION_VALUE
      LINGUISTIC_TYPE

Annotations of a tier do not overlap in ELAN, so segments that do are written to as many tiers as it
takes. All tiers are read; annotations that refer to others instead of times are left out.
"""

import mimetypes
import re
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from bsp_tf.base.errors import InputError
from bsp_tf.base.input_file import read_input
from bsp_tf.exchange.cues import parse_text, timed_segments
from bsp_tf.exchange.table import Segment, Table, Video, check_segments, refuse

FORM = "ELAN's .eaf"
TIER = "actions"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A date of its own would make other bytes of the same segments.
_OPENING = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<ANNOTATION_DOCUMENT AUTHOR="bsp_tf" DATE="1970-01-01T00:00:00+00:00" FORMAT="3.0" '
    'VERSION="3.0" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">\n'
)
_TYPE = (
    '  <LINGUISTIC_TYPE GRAPHIC_REFERENCES="false" LINGUISTIC_TYPE_ID="default-lt" '
    'TIME_ALIGNABLE="true"/>\n'
)


def write(table: Table) -> str:
    """The text of the file of one video.

    Raises:
        InputError: a segment starts before 0 or is shorter than a millisecond, or a label is more
            than a line, or it or the name of the video's file holds a character that XML does not
            have.
    """
    check_segments(table, FORM, zero_length=False)
    (video,) = table.videos
    refuse(
        table,
        lambda one: _NO_XML.search(one.label) is not None,
        "has a character in its label that XML cannot hold: rename the class",
    )
    if _NO_XML.search(video.facts.media):
        raise InputError(
            f"{video.place or repr(video.video_id)}: the name of its file, {video.facts.media!r}, "
            "has a character that XML cannot hold: rename the file."
        )
    tiers = _without_overlap(timed_segments(video, FORM))
    slots, bodies, number = [], [], 0
    for index, rows in enumerate(tiers):
        annotations = []
        for start, end, text in rows:
            number += 1
            slots += [(start, f"ts{2 * number - 1}"), (end, f"ts{2 * number}")]
            annotations.append(_annotation(number, text))
        name = TIER if index == 0 else f"{TIER}-{index + 1}"
        bodies.append(
            f'  <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="{name}">\n'
            f"{''.join(annotations)}  </TIER>\n"
        )
    order = "".join(
        f'    <TIME_SLOT TIME_SLOT_ID="{name}" TIME_VALUE="{time}"/>\n'
        for time, name in sorted(slots, key=lambda slot: slot[0])
    )
    return (
        f"{_OPENING}{_header(video)}  <TIME_ORDER>\n{order}  </TIME_ORDER>\n{''.join(bodies)}"
        f"{_TYPE}</ANNOTATION_DOCUMENT>\n"
    )


def read(path: str) -> tuple[list[Segment], list[str]]:
    """The segments of one file, tier by tier, and what was left out.

    Raises:
        InputError: the file is missing, no .eaf, has a document type (whose entities could fill the
            memory), counts other units than milliseconds, or an annotation has no time or no text.
    """
    root = _parse(path)
    if root.tag != "ANNOTATION_DOCUMENT":
        raise InputError(f"{path} is no .eaf of ELAN: it holds a {root.tag!r}.")
    header = root.find("HEADER")
    units = "milliseconds" if header is None else header.get("TIME_UNITS", "milliseconds")
    if units != "milliseconds":
        raise InputError(f"{path} counts {units}; save it anew with ELAN, in milliseconds.")
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    if media is not None and media.get("TIME_ORIGIN", "0") != "0":
        raise InputError(
            f"{path} starts {media.get('TIME_ORIGIN')} ms into its video (TIME_ORIGIN), which is "
            "not supported: set the offset to 0 in ELAN."
        )
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    segments, left_out = [], []
    for tier in root.iter("TIER"):
        if tier.find("ANNOTATION/REF_ANNOTATION") is not None:
            left_out.append(tier.get("TIER_ID"))
        for one in tier.iter("ALIGNABLE_ANNOTATION"):
            name = one.get("ANNOTATION_ID")
            place = f"{path}: tier {tier.get('TIER_ID')!r}, annotation {name!r}"
            start, end = (_time(slots.get(one.get(f"TIME_SLOT_REF{k}")), place) for k in (1, 2))
            if end <= start:
                raise InputError(f"{place} does not end after it starts: mend it.")
            text = one.findtext("ANNOTATION_VALUE") or ""
            segments.append(parse_text(start, end, text.strip("\n"), place))
    names = ", ".join(map(repr, left_out))
    notes = [f"{path}: tiers without times of their own are left out: {names}"] if left_out else []
    return segments, notes


def _without_overlap(rows: list[tuple[int, int, str]]) -> list[list[tuple[int, int, str]]]:
    """Rows by time, dealt to as few tiers as hold them side by side; at least one tier."""
    tiers: list[list[tuple[int, int, str]]] = [[]]
    for row in rows:
        free = next((tier for tier in tiers if not tier or tier[-1][1] <= row[0]), None)
        if free is None:
            tiers.append(free := [])
        free.append(row)
    return tiers


def _header(video: Video) -> str:
    media = ""
    if video.facts.media:
        url = video.facts.media
        kind = mimetypes.guess_type(url)[0] or "unknown"
        # ELAN looks there if it does not find the file itself.
        beside = f"./{url.rpartition('/')[2]}"
        media = (
            f"    <MEDIA_DESCRIPTOR MEDIA_URL={quoteattr(url)} MIME_TYPE={quoteattr(kind)} "
            f"RELATIVE_MEDIA_URL={quoteattr(beside)}/>\n"
        )
    return f'  <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">\n{media}  </HEADER>\n'


def _annotation(number: int, text: str) -> str:
    first, last = f"ts{2 * number - 1}", f"ts{2 * number}"
    return (
        f'    <ANNOTATION>\n      <ALIGNABLE_ANNOTATION ANNOTATION_ID="a{number}" '
        f'TIME_SLOT_REF1="{first}" TIME_SLOT_REF2="{last}">\n'
        f"        <ANNOTATION_VALUE>{escape(text)}</ANNOTATION_VALUE>\n"
        "      </ALIGNABLE_ANNOTATION>\n    </ANNOTATION>\n"
    )


def _time(value: str | None, place: str) -> int:
    if value is None or not value.isdecimal():
        raise InputError(f"{place} has no time in milliseconds ({value!r}): give it one in ELAN.")
    return int(value)


def _parse(path: str) -> Element:
    builder = TreeBuilder()

    def refuse(*_: Any) -> None:
        raise InputError(f"{path} declares a document type, which no .eaf needs: remove it.")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(read_input(path), True)
    except InputError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise InputError(f"{path} is no XML ({error}). Check the path.") from error
    return builder.close()
