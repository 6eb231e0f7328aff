"""The plan of a conversion: kept by the first run, taken by the next, refused to any other."""

import json

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.conversion.clip_encoder import EncodingOptions
from tfrecords_tools.conversion.plan import PLAN_FILE, STATE_FOLDER, ShardingOptions, adopt_plan
from tfrecords_tools.inputs.clip_index import ClipIndex, ClipSpec

SETTINGS = {"short_side": 256, "num_shards": None}


def index_of(*clips, root="videos", labels=("jump", "run")):
    return ClipIndex(root, "folder", list(clips), list(labels), [("gone.mp4", "no such file")], [])


A, B = ClipSpec("jump/a.mp4", "jump", None, 0), ClipSpec("b.mp4", "run", (1.5, 3.0), 1, cut=True)


def test_the_plan_of_the_first_run_stays(tmp_path):
    assert adopt_plan(tmp_path, index_of(A, B), SETTINGS) == index_of(A, B)
    # A file vanished since, with its class, and the videos lie elsewhere.
    now = index_of(B, root="elsewhere", labels=("run",))
    assert adopt_plan(tmp_path, now, SETTINGS) == index_of(A, B, root="elsewhere")


def test_other_settings_clips_or_labels_are_named(tmp_path):
    adopt_plan(tmp_path, index_of(A), SETTINGS)
    with pytest.raises(InputError, match="short_side was 256, is now 128"):
        adopt_plan(tmp_path, index_of(A), SETTINGS | {"short_side": 128})
    with pytest.raises(InputError, match="clips"):
        adopt_plan(tmp_path, index_of(A, B), SETTINGS)
    with pytest.raises(InputError, match="label map"):
        adopt_plan(tmp_path, index_of(A, labels=("jump", "swim")), SETTINGS)


def test_a_plan_of_an_older_version_is_read(tmp_path):
    """It is on a single line."""
    adopt_plan(tmp_path, index_of(A, B), SETTINGS)
    path = tmp_path / STATE_FOLDER / PLAN_FILE
    path.write_text(json.dumps(json.loads(path.read_text())))
    assert adopt_plan(tmp_path, index_of(A), SETTINGS) == index_of(A, B)


def test_any_name_is_read_again(tmp_path):
    index = index_of(ClipSpec("caf\udce9 \u2028[.mp4", None), A, ClipSpec("]}", "run", None, 1))
    adopt_plan(tmp_path, index, SETTINGS)
    # What is there now says nothing of the other clips.
    assert adopt_plan(tmp_path, index_of(A), SETTINGS) == index


@pytest.mark.parametrize("cut", [1, 2, 30, 100])
def test_a_plan_that_is_cut_short_is_named(tmp_path, cut):
    adopt_plan(tmp_path, index_of(A, B), SETTINGS)
    path = tmp_path / STATE_FOLDER / PLAN_FILE
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(InputError, match=PLAN_FILE):
        adopt_plan(tmp_path, index_of(A, B), SETTINGS)


def test_signatures_are_those_of_now_and_not_in_the_plan(tmp_path):
    then, now = (ClipSpec(f"https://host/a.mp4?signature={k}", "run", None, 1) for k in "xy")
    adopt_plan(tmp_path, index_of(A, then), SETTINGS)
    assert "signature" not in (tmp_path / STATE_FOLDER / PLAN_FILE).read_text()
    assert adopt_plan(tmp_path, index_of(A, now), SETTINGS) == index_of(A, now)


def test_number_and_size_of_shards_exclude_each_other():
    with pytest.raises(InputError, match="--num_shards.*--shard_megabytes"):
        ShardingOptions(3, 4.0)


def test_sizes_and_rates_without_end_are_refused():
    with pytest.raises(InputError, match="shard_megabytes"):
        ShardingOptions(shard_megabytes=float("inf"))
    with pytest.raises(InputError, match="fps"):
        EncodingOptions(fps=float("inf"))


def test_shards_that_no_reader_would_find_are_refused():
    assert ShardingOptions(99_999).num_shards == 99_999
    with pytest.raises(InputError, match="--num_shards=100000"):
        ShardingOptions(100_000)


@pytest.mark.parametrize("name", ["clips-00000-of-00001", "manifest.json", "failures.csv"])
def test_files_of_unknown_origin_stay(tmp_path, name):
    (tmp_path / name).write_text("mine\n")
    with pytest.raises(InputError, match=tmp_path.name):
        adopt_plan(tmp_path, index_of(A), SETTINGS)
    assert (tmp_path / name).read_text() == "mine\n" and len(list(tmp_path.iterdir())) == 1


def test_a_label_list_in_the_output_is_that_of_the_input(tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("run\njump\n")
    with pytest.raises(InputError, match="labels.txt.*--labels"):
        adopt_plan(tmp_path, index_of(A), SETTINGS)
    labels.write_text("jump\nrun\n")
    assert adopt_plan(tmp_path, index_of(A), SETTINGS) == index_of(A)
