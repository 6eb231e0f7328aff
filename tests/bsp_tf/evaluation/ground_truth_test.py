"""Ground truth in all its forms; what is wrong is refused with its place."""

import copy
import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.evaluation.ground_truth import load_ground_truth, make_instances

TRUTH = {
    "database": {
        "one": {
            "subset": "validation",
            "duration": 9.5,
            "annotations": [
                {"segment": [1, 2.5], "label": "jump"},
                {"segment": ["3.0", "4"], "label": "run"},
            ],
        },
        "two": {"subset": "training", "annotations": [{"segment": [0, 1], "label": "swim"}]},
        "three": {"subset": "validation", "annotations": []},
    }
}


def write(path, value):
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def changed(document, keys, value):
    """A copy with the value at the path `keys` replaced; a value of `DELETE` removes the key."""
    document = copy.deepcopy(document)
    place = document
    for key in keys[:-1]:
        place = place[key]
    if value is DELETE:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return document


DELETE = object()


def test_reads_one_subset(tmp_path):
    truth = load_ground_truth(write(tmp_path / "t.json", TRUTH), "validation")
    assert truth.video_names == ["one", "three"] and truth.class_names == ["jump", "run"]
    assert truth.video.tolist() == [0, 0] and truth.label.tolist() == [0, 1]
    np.testing.assert_array_equal(truth.segment, [[1, 2.5], [3, 4]])
    assert truth.score is None and len(truth) == 2


VIDEO = ["database", "one"]
BAD_TRUTH = {
    "no database": (["database"], DELETE, ["'database'"]),
    "video is a list": (VIDEO, [], ["video 'one'", "a list of 0"]),
    "no subset": ([*VIDEO, "subset"], DELETE, ["video 'one'", "'subset'"]),
    "subset is a number": ([*VIDEO, "subset"], 1, ["video 'one'", "'subset'"]),
    "no annotations": ([*VIDEO, "annotations"], DELETE, ["video 'one'", "'annotations'"]),
    "annotations is null": ([*VIDEO, "annotations"], None, ["video 'one'", "None"]),
    "no label": ([*VIDEO, "annotations", 1, "label"], DELETE, ["video 'one', entry 1", "'label'"]),
    "time is a word": (
        [*VIDEO, "annotations", 1, "segment"],
        ["3.0", "soon"],
        ["entry 1", "'soon'"],
    ),
    "time is nan in text": (
        [*VIDEO, "annotations", 1, "segment"],
        ["3.0", "nan"],
        ["entry 1", "'nan'"],
    ),
    "reversed": ([*VIDEO, "annotations", 1, "segment"], [4, 3], ["entry 1", "'segment'", "4.0"]),
    "half a letter": ([*VIDEO, "annotations", 1, "label"], "\ud800", ["label", "Unicode"]),
}


@pytest.mark.parametrize("case", BAD_TRUTH)
def test_bad_ground_truth_is_refused_by_place(tmp_path, case):
    keys, value, words = BAD_TRUTH[case]
    path = write(tmp_path / "bad.json", changed(TRUTH, keys, value))
    with pytest.raises(InputError) as caught:
        load_ground_truth(path, "validation")
    assert all(word in str(caught.value) for word in [str(path), *words]), str(caught.value)


def test_reversed_segments_may_stay(tmp_path):
    document = changed(TRUTH, ["database", "one", "annotations", 1, "segment"], [4, 3])
    truth = load_ground_truth(
        write(tmp_path / "t.json", document), "validation", refuse_reversed=False
    )
    np.testing.assert_array_equal(truth.segment, [[1, 2.5], [4, 3]])


def test_segments_are_taken_as_they_are_written(tmp_path):
    """Training cuts them to the duration; official scorers do not."""
    document = changed(TRUTH, ["database", "one", "annotations", 0, "segment"], [-1, 99])
    truth = load_ground_truth(write(tmp_path / "t.json", document), "validation")
    np.testing.assert_array_equal(truth.segment, [[-1, 99], [3, 4]])
    for duration, known in (("9.5", {"one": 9.5}), (0, {}), ("long", {}), (None, {})):
        document = changed(TRUTH, ["database", "one", "duration"], duration)
        truth = load_ground_truth(write(tmp_path / "t.json", document), "validation")
        assert truth.duration == known


BARE = {
    f"v_{name}": {
        "duration_second": entry.get("duration", 3.0),
        "duration_frame": 90,
        "feature_frame": 88,
        "annotations": entry["annotations"],
    }
    for name, entry in TRUTH["database"].items()
}


def test_the_files_of_g_tad_give_the_same(tmp_path):
    write(tmp_path / "anno.json", BARE)
    rows = [f"v_{name},{entry['subset']}" for name, entry in TRUTH["database"].items()]
    write(tmp_path / "info.csv", "\n".join(["video,subset", *rows]))
    expected = load_ground_truth(write(tmp_path / "t.json", TRUTH), "validation")
    found = load_ground_truth(f"{tmp_path}/anno.json,{tmp_path}/info.csv", "validation")
    assert found.video_names == expected.video_names and found.class_names == expected.class_names
    for column in ("video", "label", "segment"):
        np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    assert found.duration == {"one": 9.5, "three": 3.0}
    with pytest.raises(InputError, match=r"anno\.json .*'validation'.*video_info\.csv"):
        load_ground_truth(tmp_path / "anno.json", "validation")


def rows_of(truth):
    names = (truth.video_names[video] for video in truth.video)
    labels = (truth.class_names[label] for label in truth.label)
    segments = truth.segment.round(1).tolist()
    return {(*row, *segment) for *row, segment in zip(names, labels, segments, strict=True)}


def test_the_tables_of_thumos_hold_what_the_json_holds(shared):
    folder = shared / "annotations" / "thumos14"
    tables = f"{folder}/val_Annotation.csv,{folder}/test_Annotation.csv"
    # The public JSON leaves out three test videos with wrong annotations.
    left_out = {f"video_test_{number}" for number in ("0000270", "0001292", "0001496")}
    for subset, json_subset, count in (("validation", "train", 3007), ("test", "test", 3311)):
        expected = rows_of(load_ground_truth(folder / "thumos_gt.json", json_subset))
        found = rows_of(load_ground_truth(tables, subset))
        assert {row for row in found if row[0] not in left_out} == expected
        assert len(expected) == count


def test_unknown_subset_names_those_there_are(tmp_path):
    with pytest.raises(InputError, match=r"'test'.*'training' \(1 .*'validation' \(2 "):
        load_ground_truth(write(tmp_path / "t.json", TRUTH), "test")


def test_columns_are_checked():
    with pytest.raises(InputError, match="lengths"):
        make_instances(["a"], ["x", "y"], [[0, 1]])
    with pytest.raises(InputError, match="NaN"):
        make_instances(["a"], ["x"], [[0, 1]], [np.nan])
