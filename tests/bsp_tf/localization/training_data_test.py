"""Batches of whole videos and of windows: which rows, and where the segments lie on them."""

import os

import numpy as np
import pytest
from ml_collections import ConfigDict

from bsp_tf.annotations.mended import Annotations, VideoAnnotation, load_annotations
from bsp_tf.base.errors import InputError
from bsp_tf.features.sources import open_features
from bsp_tf.features.store import UNREADABLE, resize_features
from bsp_tf.localization.heads.gtad.head import HEAD
from bsp_tf.localization.heads.gtad.targets import video_targets, window_targets
from bsp_tf.localization.training_data import load_localization_data

# One row a second.
SETTINGS = {
    "feature_layout": "snippets",
    "feature_stride": (10,),
    "feature_window": (10,),
    "feature_fps": (10.0,),
}


def make(folder, lengths, segments, num_segments, in_windows=False, damage=lambda: None):
    annotations = Annotations()
    for i, (rows, rows_segments) in enumerate(zip(lengths, segments, strict=True)):
        array = np.stack([np.arange(rows), np.full(rows, i)], axis=1).astype(np.float32) + 1
        np.save(folder / f"v{i}.npy", array)
        annotations[f"v{i}"] = VideoAnnotation(
            float(rows),
            None,
            np.array(rows_segments, np.float64).reshape(-1, 2),
            ["run"] * len(rows_segments),
            "",
        )
    damage()
    fields = {"features_dir": str(folder), "streams": (), "num_segments": num_segments} | SETTINGS
    config = ConfigDict(fields | {"max_duration": num_segments // 2, "windows": in_windows})
    return load_localization_data(open_features(config), annotations, ["run"], HEAD, config)


def test_whole_videos_are_resized(tmp_path):
    data = make(tmp_path, [10, 40], [[[1, 5]], []], 20)
    assert data.examples == [(0, 0), (1, 0)] and data.feature_dim == 2
    features, inside, targets = data.batch(np.array([1, 0]))
    assert inside.shape == (2, 20) and inside.all()
    assert features.shape == (2, 20, 2) and features.dtype == np.float32
    np.testing.assert_array_equal(features[1], resize_features(np.load(tmp_path / "v0.npy"), 20))
    expected = video_targets(np.array([[0.1, 0.5]]), 20, 10)
    for name, values in targets.items():
        assert values.dtype == np.float32 and not values[0].any()
        np.testing.assert_array_equal(values[1], expected[name])


def test_windows_overlap_by_half_and_keep_what_holds_a_segment(tmp_path):
    # 64 rows in windows of 16: starts 0, 8, ... 48. [20, 30] is whole in 16 only (8/10 in 8, 24).
    data = make(
        tmp_path, [64, 64, 7], [[[20, 30]], [[0, 64], [40, 40]], [[2, 5]]], 16, in_windows=True
    )
    assert data.examples == [(0, 16), (1, 24), (1, 32), (1, 40), (2, 0)]
    features, inside, targets = data.batch(np.arange(5))
    np.testing.assert_array_equal(inside.sum(1), [16, 16, 16, 16, 7])
    assert not features[4][inside[4] == 0].any() and inside[4, :7].all()
    np.testing.assert_array_equal(features[0, :, 0], np.arange(17, 33))
    np.testing.assert_array_equal(features[4, :, 0], [*range(1, 8), *[0] * 9])
    np.testing.assert_array_equal(
        targets["map"][0], window_targets(np.array([[4, 14]]) / 16, 16, 8)["map"]
    )
    np.testing.assert_array_equal(
        targets["start"][1], window_targets(np.array([[16, 16]]) / 16, 16, 8)["start"]
    )
    assert not targets["end"][2, :6].any() and targets["end"][2, 7:9].all()


def test_thumos_windows_are_256_rows_128_apart(tmp_path):
    data = make(tmp_path, [700], [[[i, i + 10] for i in range(0, 690, 20)]], 256, in_windows=True)
    # The last window ends with the video: else 60 rows, over a fifth of a window, were unseen.
    assert [first for _, first in data.examples] == [0, 128, 256, 384, 444]


@pytest.mark.usefixtures("no_hang")
def test_damaged_files_are_left_out_by_name_and_the_rest_is_used(tmp_path):
    def damage():
        for number, content in enumerate(
            [
                b"",
                b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'shape': (9",
                b"\x93NUMPY\x01\x00\x10\x00((((((((((((((((",
                b"\x93NUMPY\x01\x00\x44\x00"
                b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 2)}",
            ]
        ):
            (tmp_path / f"v{number}.npy").write_bytes(content)
        for number in (4, 5):
            (tmp_path / f"v{number}.npy").unlink()
        os.mkfifo(tmp_path / "v4.npy")
        (tmp_path / "v5.npy").mkdir()

    data = make(tmp_path, [20] * 8, [[[1, 5]]] * 8, 20, damage=damage)
    assert data.video_ids == ["v6", "v7"] and list(data.left_out) == [f"v{n}" for n in range(6)]
    for name, (kind, reason) in data.left_out.items():
        assert kind == UNREADABLE and f"{name}.npy" in reason and "\n" not in reason


def test_left_out_videos_are_counted_by_kind(tmp_path):
    lengths = [20] * 7
    (tmp_path / "missing_files.txt").write_text("v1\nv4\nv5\nv6\n")
    data = make(tmp_path, lengths, [[[1, 5]]] * 7, 20)
    assert data.video_ids == ["v0", "v2", "v3"]
    (line,) = data.left_out_lines()
    assert line.startswith(
        "4 videos left out: 4 named in missing_files.txt (v1, v4, v5, ...); the first:"
    )
    assert data.left_out["v6"][0] == "named in missing_files.txt"
    (tmp_path / "missing_files.txt").write_text("\n".join(f"v{i}" for i in range(7)))
    with pytest.raises(
        InputError,
        match="7 annotated videos.*missing_files.txt",
    ):
        make(tmp_path, lengths, [[]] * 7, 20)
    (tmp_path / "missing_files.txt").unlink()
    assert make(tmp_path, lengths, [[]] * 7, 20).left_out_lines() == []
    with pytest.raises(InputError, match="7 videos"):
        make(tmp_path, lengths, [[]] * 7, 20, in_windows=True)


def test_the_digest_knows_features_segments_and_windows(tmp_path):
    one = make(tmp_path, [32], [[[1, 5]]], 16)
    assert make(tmp_path, [32], [[[1, 5]]], 16).digest() == one.digest()
    others = [
        make(tmp_path, [32], [[[1, 6]]], 16),
        make(tmp_path, [32], [[[1, 5]]], 16, in_windows=True),
        make(tmp_path, [31], [[[1, 5]]], 16),
    ]
    assert one.digest() not in {data.digest() for data in others}


def test_golden_from_files_to_batch(shared, tmp_path):
    """G-TAD's own files and arrays give its features and its labels, these to the last bit."""
    golden = np.load(shared / "golden" / "gtad_labels_losses.npz")
    for row, name in enumerate(golden["video_list"]):
        np.save(tmp_path / f"{name}.npy", golden[f"feat_in_{row}"])
    folder = shared / "golden" / "gtad_labels_anno"
    annotations = load_annotations(f"{folder}/anno.json,{folder}/video_info.csv")
    settings = {
        "features_dir": str(tmp_path),
        "streams": (),
        "num_segments": 100,
        "feature_layout": "whole",
        "max_duration": 100,
        "windows": False,
    }
    names = sorted({label for video in annotations.values() for label in video.labels})
    sources = open_features(settings)
    data = load_localization_data(sources, annotations, names, HEAD, ConfigDict(settings))
    rows = [data.video_ids.index(str(name).removeprefix("v_")) for name in golden["video_list"]]
    features, _, targets = data.batch(np.array(rows))
    assert len(rows) == 16 and not data.left_out
    for row, values in enumerate(features):
        np.testing.assert_allclose(values.T, golden[f"feat_out_{row}"], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(targets["map"], golden["gt_iou_map"] * golden["mask"])
    np.testing.assert_array_equal(targets["start"], golden["gt_start"])
    np.testing.assert_array_equal(targets["end"], golden["gt_end"])
