"""ELAN: tiers without overlap, files as ELAN writes them, and XML that attacks its reader."""

import re
from xml.etree import ElementTree

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange import eaf
from bsp_tf.exchange.table import Segment, Table, Video, VideoFacts

ELAN = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2024-03-24T18:09:00-06:00" FORMAT="3.0" VERSION="3.0"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
    <HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">
        <MEDIA_DESCRIPTOR MEDIA_URL="file:///a.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="0"/>
        <PROPERTY NAME="lastUsedAnnotationId">3</PROPERTY>
    </HEADER>
    <TIME_ORDER>
        <TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="780"/>
        <TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1340"/>
        <TIME_SLOT TIME_SLOT_ID="ts3" TIME_VALUE="3070"/>
        <TIME_SLOT TIME_SLOT_ID="ts4"/>
    </TIME_ORDER>
    <TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="default"/>
    <TIER ANNOTATOR="Ann" LINGUISTIC_TYPE_REF="default-lt" TIER_ID="sport">
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts3">
                <ANNOTATION_VALUE>high jump &amp; more</ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
        <ANNOTATION>
            <ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts2">
                <ANNOTATION_VALUE>走る</ANNOTATION_VALUE>
            </ALIGNABLE_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <TIER LINGUISTIC_TYPE_REF="notes" PARENT_REF="sport" TIER_ID="remarks">
        <ANNOTATION>
            <REF_ANNOTATION ANNOTATION_ID="a3" ANNOTATION_REF="a1">
                <ANNOTATION_VALUE>well done</ANNOTATION_VALUE>
            </REF_ANNOTATION>
        </ANNOTATION>
    </TIER>
    <LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="default-lt" TIME_ALIGNABLE="true"/>
</ANNOTATION_DOCUMENT>
"""


def read(tmp_path, text: str | bytes) -> tuple[list[Segment], list[str]]:
    path = tmp_path / "a.eaf"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return eaf.read(str(path))


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
def test_a_file_of_elan_is_read(encoding, tmp_path):
    segments, notes = read(tmp_path, ELAN.replace("UTF-8", encoding).encode(encoding))
    assert segments == [Segment(0.78, 3.07, "high jump & more"), Segment(0.78, 1.34, "走る")]
    assert len(notes) == 1 and "'remarks'" in notes[0]


def test_no_two_annotations_of_a_tier_overlap():
    spans = [(0, 10), (1, 3), (2, 4), (3, 5), (10, 12)]
    segments = tuple(Segment(start, end, "x") for start, end in spans)
    facts = VideoFacts(media="https://host/a.mp4")
    root = ElementTree.fromstring(eaf.write(Table((Video("a", segments, facts),))))
    slots = [(s.get("TIME_SLOT_ID"), int(s.get("TIME_VALUE"))) for s in root.iter("TIME_SLOT")]
    assert [time for _, time in slots] == sorted(time for _, time in slots)
    tiers = {
        tier.get("TIER_ID"): [
            tuple(dict(slots)[one.get(f"TIME_SLOT_REF{k}")] // 1000 for k in (1, 2))
            for one in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        for tier in root.iter("TIER")
    }
    assert tiers == {
        "actions": [(0, 10), (10, 12)],
        "actions-2": [(1, 3), (3, 5)],
        "actions-3": [(2, 4)],
    }
    media = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert media.attrib == {
        "MEDIA_URL": "https://host/a.mp4",
        "MIME_TYPE": "video/mp4",
        "RELATIVE_MEDIA_URL": "./a.mp4",
    }


def test_a_video_without_segments_has_an_empty_tier(tmp_path):
    text = eaf.write(Table((Video("a"),)))
    assert '<TIER LINGUISTIC_TYPE_REF="default-lt" TIER_ID="actions">' in text
    assert read(tmp_path, text) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('REF2="ts3"', 'REF2="ts4"', "annotation 'a1' has no time in milliseconds (None)"),
        ('REF2="ts3"', 'REF2="ts9"', "annotation 'a1' has no time"),
        ('VALUE="3070"', 'VALUE="3.07"', "annotation 'a1' has no time in milliseconds ('3.07')"),
        ('VALUE="3070"', 'VALUE="780"', "annotation 'a1' does not end after it starts"),
        ("走る", "", "tier 'sport', annotation 'a2' holds ''"),
        ("走る", "two\nlines", "'two / lines'"),
        ("milliseconds", "PAL-frames", "counts PAL-frames"),
        ('ORIGIN="0"', 'ORIGIN="4000"', "4000 ms"),
        ("</HEADER>", "", "is no XML"),
        ("ANNOTATION_DOCUMENT", "html", "holds a 'html'"),
        ('encoding="UTF-8"', 'encoding="klingon"', "is no XML"),
    ],
)
def test_what_is_wrong_is_named(old, new, named, tmp_path):
    with pytest.raises(InputError, match=r"a\.eaf.*" + re.escape(named)):
        read(tmp_path, ELAN.replace(old, new))


def test_entities_are_never_expanded(tmp_path):
    """A small file whose entities would fill the memory, and one that asks for another file."""
    bomb = '<!DOCTYPE x [<!ENTITY a "lol">' + "".join(
        f'<!ENTITY {new} "{f"&{old};" * 100}">'
        for old, new in zip("abcdefg", "bcdefgh", strict=True)
    )
    other = '<!DOCTYPE x [<!ENTITY h SYSTEM "file:///etc/passwd">'
    for entities in (bomb, other):
        text = ELAN.replace("?>\n", f"?>\n{entities}]>\n", 1).replace("走る", "&h;")
        with pytest.raises(InputError, match="declares a document type"):
            read(tmp_path, text)
