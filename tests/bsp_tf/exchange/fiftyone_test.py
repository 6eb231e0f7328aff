"""FiftyOne: labels as indices or names, times as seconds or frames."""

import json
import re

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange import fiftyone
from bsp_tf.exchange.table import Known, Segment, Table, Video, VideoFacts

UNKNOWN = Known()


def read(tmp_path, labels, classes=None, known=UNKNOWN) -> Table:
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"classes": classes, "labels": labels}))
    return fiftyone.read(str(path), known)


def test_labels_are_indices_into_the_classes():
    segments = (Segment(1, 2, "jump", 0.5), Segment(3, 4.5, "dive", 0.25))
    content = json.loads(fiftyone.write(Table((Video("a", segments),), scored=True)))
    assert content == {
        "classes": ["dive", "jump"],
        "labels": {
            "a": [
                {"label": 1, "timestamps": [1, 2], "confidence": 0.5},
                {"label": 0, "timestamps": [3, 4.5], "confidence": 0.25},
            ]
        },
    }


def test_names_are_read_where_there_are_no_classes(tmp_path):
    labels = {"a": [{"label": "jump", "timestamps": [1, 2], "attributes": {}}], "b": []}
    table = read(tmp_path, labels)
    assert [video.segments for video in table.videos] == [(Segment(1, 2, "jump"),), ()]
    assert not table.scored


def test_frames_are_read_as_fiftyone_means_them(tmp_path):
    # The first frame lies at 0, the last, here the 101st, at the end.
    known = Known({"a": VideoFacts(10.1, 10.0)})
    labels = {"a": [{"label": "jump", "support": [1, 101]}, {"label": "jump", "support": [51, 51]}]}
    (video,) = read(tmp_path, labels, known=known).videos
    assert video.segments == (Segment(0, 10.1, "jump"), Segment(5.05, 5.05, "jump"))


def test_samples_without_labels_are_left_out_and_named(tmp_path):
    table = read(tmp_path, {"a": None, "videos/b.mp4": []})
    assert [video.video_id for video in table.videos] == ["b"]
    assert any("a" in note for note in table.notes)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"label": 2, "timestamps": [1, 2]}, "'label' is 2"),
        ({"label": True, "timestamps": [1, 2]}, "'label' is True"),
        ({"label": 0, "timestamps": [1]}, "'timestamps' is a list of 1"),
        ({"label": 0, "timestamps": ["00:00:01.000", 2]}, "'timestamps' is '00:00:01.000'"),
        ({"label": 0, "timestamps": [1, 2], "confidence": "x"}, "'confidence' is 'x'"),
        ({"label": 0, "support": [1, 2]}, "use_timestamps=True"),
        ({"label": 0}, "'support' is None"),
        (1, "is 1"),
    ],
)
def test_what_is_wrong_is_named(row, named, tmp_path):
    with pytest.raises(InputError, match=r"labels\.json: video 'a', entry 0.*" + re.escape(named)):
        read(tmp_path, {"a": [row]}, ["jump", "dive"])


def test_frames_behind_the_end_are_refused(tmp_path):
    with pytest.raises(InputError, match="frame 12 of a video of 10"):
        read(
            tmp_path,
            {"a": [{"label": "x", "support": [1, 12]}]},
            known=Known({"a": VideoFacts(1.0, 10.0)}),
        )


def test_a_video_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="'a' is there twice"):
        read(tmp_path, {"a.mp4": [], "a.avi": []})
