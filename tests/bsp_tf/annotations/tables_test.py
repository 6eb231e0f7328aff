"""Annotations whose subsets, or all of it, stand in CSV files."""

import json

import numpy as np
import pytest

from bsp_tf.annotations.mended import load_annotations
from bsp_tf.base.errors import InputError

INFO = (
    "video,numFrame,seconds,rfps,subset,featureFrame\n"
    "v_a,300,10,29.9,training,288\n"
    "v_b,1,1,1,validation,1\n"
)
BARE = {
    "v_a": {
        "duration_second": 10.0,
        "duration_frame": 300,
        "feature_frame": 288,
        "annotations": [{"segment": [1, 2], "label": "run"}],
    },
    "v_b": {"duration_second": 8.0, "annotations": []},
}


def write(folder, **files):
    for name, content in files.items():
        (folder / name.replace("_csv", ".csv").replace("_json", ".json")).write_text(
            content if isinstance(content, str) else json.dumps(content)
        )


def test_subsets_of_the_bare_form_come_from_a_table(tmp_path):
    write(tmp_path, anno_json=BARE, info_csv=INFO)
    found = load_annotations(f"{tmp_path}/anno.json,{tmp_path}/info.csv", "training")
    assert list(found) == ["a"] and found["a"].subset == "training"
    assert found["a"].fps == 30 and found["a"].covered_seconds == pytest.approx(9.6)
    assert (
        load_annotations(f"{tmp_path}/anno.json, {tmp_path}/info.csv", "validation")[
            "b"
        ].covered_seconds
        is None
    )
    with pytest.raises(InputError, match=r"anno\.json .*'training'.*video_info\.csv"):
        load_annotations(tmp_path / "anno.json", "training")


def test_the_tables_of_thumos(tmp_path):
    head = "video,type,type_idx,start,end,startFrame,endFrame\n"
    rows = (
        "video_validation_1,Diving,26,0.2,1.1,5,27\nvideo_validation_1,Diving,26,3.0,8.0,75,200\n"
    )
    write(
        tmp_path,
        val_csv=head + rows + "video_validation_1,Ambiguous,-1,4,5,,\n",
        test_csv=head + "video_test_1,Diving,26,1.0,2.0,,\n",
    )
    path = f"{tmp_path}/val.csv,{tmp_path}/test.csv"
    found = load_annotations(path, "validation")["video_validation_1"]
    np.testing.assert_array_equal(found.segments, [[0.2, 1.1], [3, 8]])
    assert (
        found.fps == 25 and found.duration_seconds is None and found.labels == ["Diving", "Diving"]
    )
    assert load_annotations(path, "test")["video_test_1"].fps is None


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"x_csv": "a,b\n1,2\n"}, 'x.csv: .*"video".*"subset".* (a, b|b, a)'),
        ({"x_csv": "type,video,start,end\na,v,1,2\nrun\n"}, 'x.csv, row 2 .*"video"'),
        ({"x_csv": ""}, "x.csv: .*no rows"),
        (
            {"x_csv": "video,type,start,end\nv,run,soon,2\n"},
            "x.csv: video 'v', entry 0: 'segment' .*'soon'",
        ),
        ({"x_csv": "video,type,start,end\nv,,1,2\n"}, "x.csv: video 'v', entry 0: 'label' is ''"),
        ({"x_csv": "video,type,start,end\nv,run\n"}, "x.csv: video 'v', entry 0: 'segment' .*None"),
        ({"x_csv": INFO}, "x.csv .*subsets only"),
        ({"x_json": BARE, "y_json": BARE}, "y.json: video 'a' .*x.json"),
        ({}, "x.json"),
    ],
)
def test_what_is_wrong_is_told(tmp_path, files, fault):
    write(tmp_path, **files)
    paths = ",".join(map(str, sorted(tmp_path.iterdir()))) or tmp_path / "x.json"
    with pytest.raises(InputError, match=fault):
        load_annotations(paths)


def test_a_file_whose_name_has_a_comma(tmp_path):
    (tmp_path / "a,b.json").write_text(json.dumps(BARE))
    assert list(load_annotations(tmp_path / "a,b.json")) == ["a", "b"]


def test_real_files(shared):
    folder = shared / "annotations"
    anet = folder / "activitynet-1.3"
    path = f"{anet}/anet_anno_action.json,{anet}/video_info_new.csv"
    for subset, count in ("training", 9649), ("validation", 4728), ("testing", 4851):
        assert len(load_annotations(path, subset)) == count
    thumos = f"{folder}/thumos14/val_Annotation.csv,{folder}/thumos14/test_Annotation.csv"
    found = load_annotations(thumos, "validation")
    assert len(found) == 200 and all(20 < video.fps < 31 for video in found.values())


@pytest.mark.parametrize("seed", range(20))
def test_mutated_tables_never_raise_anything_else(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for text in (
        "type,video,start,end,startFrame,endFrame\nrun,video_test_1,0.2,1.1,5,27\n" * 2,
        "subset,video\ntraining,v_a\n",
        INFO,
    ):
        for _ in range(20):
            data = bytearray(text.encode())
            for _ in range(rng.integers(1, 4)):
                at = int(rng.integers(len(data)))
                pieces = (b"", b",", b"\n", b'"', b"\0", b"\xff", b"nan", b"1e999", b"\r", b"video")
                data[at : at + int(rng.integers(0, 9))] = pieces[rng.integers(len(pieces))]
            (tmp_path / "x.csv").write_bytes(data)
            (tmp_path / "y.json").write_text(json.dumps(BARE))
            for path in (tmp_path / "x.csv", f"{tmp_path}/x.csv,{tmp_path}/y.json"):
                try:
                    load_annotations(path)
                except InputError as error:
                    assert str(tmp_path) in str(error) and "\n" not in str(error)
