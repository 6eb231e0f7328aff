"""Facts of videos: out of headers, metadata, annotations and tables."""

import json

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange.known_videos import load_known
from bsp_tf.exchange.table import VideoFacts


def test_a_folder_of_videos(make_video, tmp_path, capsys):
    make_video(tmp_path / "known" / "deep" / "v_a.1.mp4", num_frames=50, fps=25)
    (tmp_path / "known" / "broken.mp4").write_bytes(b"nothing")
    known = load_known(str(tmp_path / "known"))
    assert list(known) == ["v_a.1"]
    assert known["v_a.1"] == VideoFacts(2.0, 25.0, "", "deep/v_a.1.mp4")
    assert "broken.mp4" in capsys.readouterr().err


def test_a_folder_of_features(tmp_path):
    about = {"fps": 29.97, "duration_seconds": 12.5, "num_frames": 375}
    (tmp_path / "metadata.json").write_text(json.dumps({"videos": {"a": about}}))
    assert load_known(str(tmp_path)) == {"a": VideoFacts(12.5, 29.97)}


def test_annotations(tmp_path):
    video = {"subset": "training", "duration": 9, "fps": "25", "annotations": []}
    (tmp_path / "anno.json").write_text(json.dumps({"database": {"a": video}}))
    assert load_known(str(tmp_path / "anno.json")) == {"a": VideoFacts(9.0, 25.0, "training")}


def test_a_table_of_videos(tmp_path):
    (tmp_path / "info.csv").write_text("video,seconds,fps,subset\na,9.5,25,training\nb,,,\n")
    assert load_known(str(tmp_path / "info.csv")) == {
        "a": VideoFacts(9.5, 25.0, "training"),
        "b": VideoFacts(),
    }


def test_a_table_of_annotations(tmp_path):
    (tmp_path / "anno.csv").write_text(
        "video,type,start,end,startFrame,endFrame\nvideo_test_1,jump,1,2,25,50\n"
    )
    known = load_known(str(tmp_path / "anno.csv"))
    assert known == {"video_test_1": VideoFacts(None, 25.0, "test")}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("video,fps\na,fast\n", "row 1 below the header: 'fps' is 'fast'"),
        ("video,duration\na,1\nb,-1\n", "row 2 below the header: its duration is -1"),
        ("name,fps\na,25\n", "info.csv: expected the columns"),
    ],
)
def test_what_is_wrong_is_named(text, named, tmp_path):
    (tmp_path / "info.csv").write_text(text)
    with pytest.raises(InputError, match=named):
        load_known(str(tmp_path / "info.csv"))
