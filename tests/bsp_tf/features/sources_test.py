"""Features from here and elsewhere, alone and joined: place in time, shape, what is refused."""

import json

import h5py
import numpy as np
import pytest

from bsp_tf.annotations.mended import VideoAnnotation
from bsp_tf.base.errors import InputError
from bsp_tf.features.sources import features_digest, open_features
from bsp_tf.features.store import (
    NAMED_MISSING,
    NO_FEATURES,
    NO_TIME,
    WRONG_SHAPE,
    UnusableFeatures,
    resize_features,
)

SNIPPETS = {"feature_layout": "snippets", "feature_stride": "8", "feature_window": "8"}
WHOLE = {"feature_layout": "whole"}


def annotation(duration=16.0, fps=25.0, covered=None):
    return VideoAnnotation(duration, fps, np.zeros((0, 2)), [], "", covered)


def ramp(rows, channels=4, seconds=16.0):
    """Row i holds the time at its middle, the last channel i."""
    times = (np.arange(rows) + 0.5) * seconds / rows
    return np.stack([*[times] * (channels - 1), np.arange(rows)], axis=1).astype(np.float32)


def save(folder, **arrays):
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return str(folder)


def extracted(folder, rows=50, stride=8, **more):
    save(folder, v_a=ramp(rows))
    metadata = {
        "window": 8,
        "frame_step": 1,
        "stride": stride,
        "feature_dim": 4,
        "action_labels": ["run"],
        "streams": {"action": [0, 3], "boundary": [3, 4]},
        "videos": {"v_a": {"fps": 25.0, "num_snippets": rows, "duration_seconds": 16.0}},
    } | more
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return str(folder)


def sources(path, num_segments=20, streams=("action", "boundary"), **settings):
    return open_features(
        {"features_dir": path, "streams": streams, "num_segments": num_segments} | settings
    )


def test_our_own_folder_needs_no_settings(tmp_path):
    path = extracted(tmp_path / "ours")
    found = sources(path, streams=("boundary", "action"))
    video = found.load("a", annotation())
    assert video.frames_between == 8 and video.duration_seconds == 16
    assert video.spans[0].end_seconds == 16 and video.columns().shape == (50, 4)
    np.testing.assert_array_equal(video.columns(20), resize_features(ramp(50)[:, [3, 0, 1, 2]], 20))
    assert found.metadata["action_labels"] == ["run"]
    with pytest.raises(InputError, match="cannot read"):
        found.load_probabilities("a")


def test_snippets_lie_where_their_frames_are(tmp_path):
    """Window 16 every 8 frames: a row stands for the 8 frames in its middle."""
    path = save(tmp_path / "x", v_a=ramp(49))
    settings = SNIPPETS | {"feature_window": "16", "feature_offset": "2"}
    video = sources(path, **settings).load("v_a", annotation(None))
    assert (
        video.spans[0].start_seconds * 25 == 2 + 4
        and video.spans[0].end_seconds * 25 == 2 + 4 + 49 * 8
    )
    assert video.duration_seconds == video.spans[0].end_seconds
    at_30 = sources(path, **settings | {"feature_fps": "30"}).load("v_a", annotation())
    assert at_30.spans[0].start_seconds * 30 == pytest.approx(6) and at_30.duration_seconds == 16


def test_every_fifth_row_of_frames(tmp_path):
    """G-TAD's THUMOS14 features: one a frame, of which every fifth is taken."""
    path = save(tmp_path / "x", video_test_1=ramp(400))
    settings = {
        "feature_layout": "snippets",
        "feature_stride": "1",
        "feature_window": "1",
        "feature_every": "5",
    }
    video = sources(path, **settings).load("video_test_1", annotation())
    assert video.frames_between == 5 and len(video.parts[0]) == 80
    np.testing.assert_array_equal(video.columns()[:, 3], np.arange(0, 400, 5))
    middles = (video.spans[0].start_seconds + (np.arange(80) + 0.5) * 5 / 25) * 25
    np.testing.assert_allclose(middles, np.arange(0, 400, 5) + 0.5)


def test_rows_over_the_whole_video(tmp_path):
    path = save(tmp_path / "x", v_a=ramp(100))
    found = sources(path, 100, **WHOLE)
    assert found.load("a", annotation()).spans[0].end_seconds == 16
    # G-TAD's files say how far their features reach.
    assert found.load("a", annotation(covered=15.8)).spans[0].end_seconds == 15.8
    with pytest.raises(UnusableFeatures, match="annotations") as caught:
        found.load("a", annotation(None))
    assert caught.value.kind == NO_TIME


def test_sources_are_joined_on_one_time_axis(tmp_path):
    ours = extracted(tmp_path / "ours")
    whole = save(tmp_path / "whole", a=ramp(100, 3))
    with h5py.File(tmp_path / "flow.h5", "w") as file:
        file["v_a"] = ramp(24, 2, seconds=24 * 16 / 25)
    found = sources(
        f"{ours},{whole},{tmp_path / 'flow.h5'}",
        feature_layout="snippets,whole,snippets",
        feature_stride="16",
        feature_window="16",
    )
    video = found.load("a", annotation())
    columns = video.columns(20)
    assert columns.shape == (20, 4 + 3 + 2) and video.frames_between == 8
    np.testing.assert_array_equal(columns[:, :4], resize_features(ramp(50), 20))
    np.testing.assert_array_equal(columns[:, 4:7], resize_features(ramp(100, 3), 20))
    # All first channels are the time; the flow ends 0.64 s early and repeats its last row.
    times = (np.arange(20) + 0.5) * 0.8
    np.testing.assert_allclose(columns[:, 4], times, rtol=1e-5)
    np.testing.assert_allclose(columns[:-1, 7], times[:-1], rtol=1e-5)
    assert video.columns().shape == (50, 9)


def test_one_row_less_stays_in_step(tmp_path):
    rgb, flow = save(tmp_path / "rgb", a=ramp(50)), save(tmp_path / "flow", a=ramp(50)[:-1])
    columns = sources(f"{rgb},{flow}", **SNIPPETS).load("a", annotation()).columns()
    np.testing.assert_allclose(columns[:-1, :4], columns[:-1, 4:], rtol=1e-6)


def test_sources_that_cover_different_parts_are_refused(tmp_path):
    one, other = save(tmp_path / "one", a=ramp(50)), save(tmp_path / "other", a=ramp(40))
    with pytest.raises(UnusableFeatures, match="other.*12.8.*one.*16.0"):
        sources(f"{one},{other}", **SNIPPETS).load("a", annotation())


def test_a_transposed_source_is_refused(tmp_path):
    lengths = {f"v{i}": 20 + i for i in range(5)}
    path = save(tmp_path / "varying", **{name: ramp(rows).T for name, rows in lengths.items()})
    for settings in (SNIPPETS, WHOLE):
        with pytest.raises(InputError, match="array.T"):
            sources(path, **settings)
    path = save(tmp_path / "fixed", **{name: ramp(100, 40).T for name in lengths})
    with pytest.raises(InputError, match=r"\[40, 100\].*config.feature_rows=40"):
        sources(path, 100, **WHOLE)
    assert sources(path, 100, **WHOLE, feature_rows="40").load("v0", annotation()).columns(
        100
    ).shape == (100, 100)
    with pytest.raises(
        UnusableFeatures,
        match=r"\[40, 100\].*\[8, 100\].*config.feature_rows",
    ):
        sources(path, 100, **WHOLE, feature_rows="8").load("v0", annotation())


def test_a_fixed_number_of_channels_and_snippets_that_cannot_be(tmp_path):
    """All arrays [400, 50]: each looks sound, but a 16 s video has 50 snippets, not 400."""
    path = save(tmp_path / "x", a=ramp(400, 50), b=ramp(400, 50))
    with pytest.raises(UnusableFeatures, match=r"\[50, 50\].*array.T") as caught:
        sources(path, **SNIPPETS).load("a", annotation())
    assert caught.value.kind == WRONG_SHAPE
    with pytest.raises(UnusableFeatures, match=r"\[200, 50\].*config.feature_fps"):
        sources(path, **SNIPPETS | {"feature_stride": "2"}).load("a", annotation())


def test_single_odd_videos(tmp_path):
    arrays = {name: ramp(50) for name in "abcd"} | {
        "t": ramp(50).T,
        "wide": ramp(50, 9),
        "nan": ramp(50) * np.nan,
    }
    path = save(tmp_path / "x", **arrays)
    (tmp_path / "x" / "missing_files.txt").write_text("b\n")
    found = sources(path, **SNIPPETS)
    for name, kind, message in [
        ("t", WRONG_SHAPE, "looks transposed"),
        ("wide", WRONG_SHAPE, "as the others"),
        ("nan", "NaN or infinity", "NaN"),
        ("nobody", NO_FEATURES, "no features"),
        ("v_b", NAMED_MISSING, "missing_files.txt"),
        ("b", NAMED_MISSING, "missing_files.txt"),
    ]:
        with pytest.raises(UnusableFeatures, match=message) as caught:
            found.load(name, annotation())
        assert caught.value.kind == kind
    with pytest.raises(UnusableFeatures, match="config.feature_fps"):
        found.load("a", annotation(fps=None))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "config.feature_layout=whole"),
        ({"feature_layout": "rows"}, "config.feature_layout.*'rows'"),
        ({"feature_layout": "snippets"}, "config.feature_stride.*config.feature_window"),
        (
            SNIPPETS | {"feature_stride": "x"},
            "config.feature_stride.*'x'",
        ),
        (SNIPPETS | {"feature_stride": "8,16"}, "config.feature_stride.*2.*1"),
        (SNIPPETS | {"feature_fps": "nan"}, "config.feature_fps.*'nan'"),
        (SNIPPETS | {"feature_every": 0}, "config.feature_every.*0"),
        (SNIPPETS | {"feature_offset": "-3"}, "config.feature_offset.*'-3'"),
    ],
)
def test_settings_are_checked(tmp_path, settings, message):
    with pytest.raises(InputError, match=message):
        sources(save(tmp_path / "x", a=ramp(50)), **settings)


def test_sources_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        sources(str(tmp_path / "nowhere"), **WHOLE)
    path = save(tmp_path / "x", a=ramp(5) * np.nan)
    with pytest.raises(InputError, match="NaN"):
        sources(path, **WHOLE)
    with pytest.raises(InputError, match="holds no probabilities"):
        sources(save(tmp_path / "y", a=ramp(5)), **WHOLE).load_probabilities("a")
    with pytest.raises(InputError, match="nowhere"):
        features_digest(str(tmp_path / "nowhere"))


def test_a_changed_source_has_another_digest(tmp_path):
    ours, other = extracted(tmp_path / "ours"), save(tmp_path / "x", a=ramp(5))
    path = f"{ours},{other}"
    first = features_digest(path)
    assert features_digest(path) == first
    np.save(tmp_path / "x" / "b.npy", ramp(5))
    assert features_digest(path) != first


def test_folders_of_single_streams_are_joined(tmp_path):
    boundary = extracted(tmp_path / "boundary", streams={"boundary": [0, 4]}, action_labels=[])
    action = extracted(tmp_path / "action", streams={"action": [0, 4]})
    found = sources(f"{boundary},{action}")
    assert found.load("a", annotation()).columns().shape == (50, 8)
    assert found.metadata["action_labels"] == ["run"]
    # A boundary stream may name actions itself; an action stream is asked first all the same.
    two_heads = extracted(tmp_path / "heads", streams={"boundary": [0, 4]}, action_labels=["swim"])
    found = sources(f"{boundary},{two_heads}", streams=("boundary",))
    assert found.metadata["action_labels"] == ["swim"]
    assert sources(f"{two_heads},{action}").metadata["action_labels"] == ["run"]
    assert sources(f"{action},{action}", streams=("action",)).load("a", annotation()).columns(
        10
    ).shape == (10, 8)


def test_a_stream_that_no_folder_has(tmp_path):
    action = extracted(tmp_path / "action", streams={"action": [0, 4]})
    with pytest.raises(InputError, match="boundary"):
        sources(action, streams=("action", "boundary"))
    with pytest.raises(InputError, match="no stream boundary.*action"):
        sources(action, streams=("boundary",))
