"""Label Studio: frames and seconds, what people move, and what its exports look like."""

import json
import re

import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.exchange import label_studio
from bsp_tf.exchange.table import Known, Segment, Table, Video, VideoFacts

NTSC = 30_000 / 1001
UNKNOWN = Known()


def tasks_of(*segments: Segment, fps: float | None = NTSC, scored: bool = False) -> list:
    facts = VideoFacts(60.0, fps, "training", "videos/a.mp4")
    return json.loads(label_studio.write(Table((Video("v_a", segments, facts),), scored)))


def region(first, last, label="jump", **others) -> dict:
    value = {"ranges": [{"start": first, "end": last}], "timelinelabels": [label]}
    return {"type": "timelinelabels", "value": value, **others}


def export(*regions, data=None, **others) -> dict:
    data = {"video": "/data/upload/1/3d3ad63e-v_a.mp4", "fps": 25} if data is None else data
    return {"id": 1, "data": data, "annotations": [{"id": 1, "result": list(regions)}], **others}


def read(tmp_path, content, known=UNKNOWN) -> Table:
    path = tmp_path / "export.json"
    path.write_text(json.dumps(content))
    return label_studio.read(str(path), known)


def test_frames_count_from_one_and_the_last_one_belongs_to_it():
    # 25 frames/s: frame 1 is shown from 0 to 40 ms.
    (task,) = tasks_of(Segment(0, 0.04, "a"), Segment(1, 2, "b"), fps=25.0)
    ranges = [row["value"]["ranges"] for row in task["annotations"][0]["result"]]
    assert ranges == [[{"start": 1, "end": 1}], [{"start": 26, "end": 50}]]
    assert task["data"]["video"] == "videos/a.mp4" and task["data"]["fps"] == 25.0


def test_seconds_of_a_broadcast_rate(tmp_path):
    # Frame 300 of 29.97 frames/s starts after 299 * 1001 / 30000 s.
    data = {"video": "a.mp4", "fps": NTSC}
    (video,) = read(tmp_path, [export(region(300, 900), data=data)]).videos
    (segment,) = video.segments
    assert abs(segment.start - 299 * 1001 / 30_000) < 1e-6
    assert abs(segment.end - 900 * 1001 / 30_000) < 1e-6
    (again,) = json.loads(label_studio.write(Table((video,))))
    assert again["annotations"][0]["result"][0]["value"]["ranges"] == [{"start": 300, "end": 900}]


def test_a_moved_region_has_the_times_of_its_frames_and_others_keep_theirs(tmp_path):
    tasks = tasks_of(Segment(1.2345, 2.3456, "a"), Segment(3.01, 3.99, "b"), fps=10.0)
    tasks[0]["annotations"][0]["result"][1]["value"]["ranges"] = [{"start": 31, "end": 45}]
    (video,) = read(tmp_path, tasks).videos
    assert video.segments == (Segment(1.2345, 2.3456, "a"), Segment(3.0, 4.5, "b"))
    assert video.facts == VideoFacts(60.0, 10.0, "training", "videos/a.mp4")


def test_another_frame_rate_moves_every_region(tmp_path):
    tasks = tasks_of(Segment(1.03, 2.03, "a"), fps=10.0)
    (video,) = read(tmp_path, tasks, Known(fps=20.0)).videos
    assert video.segments == (Segment(0.5, 1.0, "a"),)


def test_detections_are_predictions_to_start_from(tmp_path):
    tasks = tasks_of(Segment(1, 2, "a", 0.75), scored=True)
    assert "annotations" not in tasks[0]
    (prediction,) = tasks[0]["predictions"]
    assert prediction["result"][0]["score"] == 0.75
    table = read(tmp_path, tasks)
    assert table.scored and table.videos[0].segments == (Segment(1, 2, "a", 0.75),)


def test_once_people_annotate_their_annotations_count(tmp_path):
    done, waiting, skipped = (tasks_of(Segment(1, 2, "a", 0.75), scored=True)[0] for _ in range(3))
    done["annotations"] = [
        {"result": [region(1, 25, "b", score=0.3)]},
        {"result": [], "was_cancelled": True},
    ]
    waiting["data"]["video_id"] = "waiting"
    skipped["data"]["video_id"] = "skipped"
    skipped["annotations"] = [{"result": [], "was_cancelled": True}]
    table = read(tmp_path, [done, waiting, skipped], Known(fps=25.0))
    assert not table.scored
    assert [(v.video_id, v.segments) for v in table.videos] == [("v_a", (Segment(0, 1, "b"),))]
    (note,) = table.notes
    assert "waiting, skipped" in note


def test_an_annotation_may_be_empty(tmp_path):
    (video,) = read(tmp_path, [export()]).videos
    assert (video.video_id, video.segments) == ("v_a", ())


@pytest.mark.parametrize(
    ("url", "video_id"),
    [
        ("/data/upload/1/3d3ad63e-v_a.1.mp4", "v_a.1"),
        ("/data/local-files/?d=videos/deep/v_a.webm", "v_a"),
        ("https://host/videos/a%20b.mp4?token=1", "a b"),
        ("s3://bucket/v_a.mkv", "v_a"),
        ("3d3ad63e-v_a.mp4", "3d3ad63e-v_a"),
        ("v_a", "v_a"),
    ],
)
def test_the_id_is_the_name_of_the_file(url, video_id, tmp_path):
    (video,) = read(tmp_path, [export(data={"video": url, "fps": 25})]).videos
    assert video.video_id == video_id


def test_a_region_of_several_labels_and_ranges_is_several_segments(tmp_path):
    value = {
        "ranges": [{"start": 1, "end": 25}, {"start": 51, "end": 75}],
        "timelinelabels": ["a", "b"],
    }
    (video,) = read(tmp_path, [export({"type": "timelinelabels", "value": value})]).videos
    assert video.segments == tuple(
        Segment(start, start + 1, label) for label in "ab" for start in (0, 2)
    )


def test_other_results_are_left_out_and_counted(tmp_path):
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    table = read(tmp_path, [export(choice, region(1, 25), choice)])
    assert len(table.videos[0].segments) == 1
    assert any("2 choices" in note for note in table.notes)


@pytest.mark.parametrize(
    ("task", "named"),
    [
        ({"video": "a.mp4", "actions": []}, "JSON-MIN"),
        (export(region(0, 5)), "result 0: 'start' is 0"),
        (export(region(1.5, 5)), "'start' is 1.5"),
        (export(region(1, None)), "'end' is None"),
        (export(region(1, 5, "")), "its label is ''"),
        (
            export({"type": "timelinelabels", "value": {"ranges": [], "timelinelabels": []}}),
            "label",
        ),
        (export(region(1, 5), data={"video": "a.mp4"}), "frame rate is not known"),
        (export(region(1, 5), data={"audio": "a.wav"}), "'video' in its data is None"),
        (export(region(1, 5), data={"video": "a.mp4", "fps": -1}), "'fps' is -1"),
        (export(annotations=[{"result": []}, {"result": []}]), "2 annotations"),
        (export(annotations=[{"result": None}]), "'result' is None"),
        (7, " is 7"),
        (export(region(9, 5)), "result 0 ends at frame 5"),
        (export(region(1, 10**400)), "'end' is 1000"),
        (export(region(1, 5), data={"video": "a.mp4", "fps": 1e-300}), "its time is 4.9999"),
        (export({"value": {"ranges": [], "timelinelabels": ["a"]}}), "without label or frames"),
    ],
)
def test_what_is_wrong_is_named(task, named, tmp_path):
    with pytest.raises(InputError, match=r"export\.json: task 0.*" + re.escape(named)):
        read(tmp_path, [task])


def test_a_video_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"task 1, video 'v_a' is there twice"):
        read(tmp_path, [export(), export()])


def test_writing_without_a_frame_rate_is_refused():
    with pytest.raises(InputError, match="'v_a'.*frame rate"):
        tasks_of(Segment(1, 2, "a"), fps=None)


def test_the_labelling_interface_has_every_label_once():
    segments = (Segment(1, 2, 'a "b" <c>'), Segment(3, 4, "d"), Segment(5, 6, "d"))
    config = label_studio.label_config(Table((Video("a", segments),)))
    assert config.count("<Label ") == 2 and "<Label value='a \"b\" &lt;c&gt;'/>" in config
    assert 'frameRate="$fps"' in config
