"""Which clips are found, under which label, and what is said about the rest."""

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.clip_index import ClipSpec, fold_label, index_folder, index_kinetics_csv, read_labels

HEADER = "label,youtube_id,time_start,time_end,split,is_cc\n"


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def write_csv(tmp_path, text):
    path = tmp_path / "clips.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_folder_per_class(tmp_path):
    touch(tmp_path, "b/2.mp4", "a/deep/1.mp4", "a/-x.avi", "a/.hidden", "loose.mp4", ".cache/c.mp4")
    (tmp_path / "empty").mkdir()
    index = index_folder(tmp_path)
    assert index.labels == ["a", "b", "empty"]
    assert index.clips == [ClipSpec("a/-x.avi", "a"), ClipSpec("a/deep/1.mp4", "a"), ClipSpec("b/2.mp4", "b")]
    assert len(index.warnings) == 2
    assert "empty is empty" in index.warnings[0] and "loose.mp4" in index.warnings[1]


def test_folder_that_holds_nothing(tmp_path):
    with pytest.raises(InputError, match="nowhere does not exist"):
        index_folder(tmp_path / "nowhere")
    touch(tmp_path, "loose.mp4")
    with pytest.raises(InputError, match="holds no class folder"):
        index_folder(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(InputError, match="no clip found"):
        index_folder(tmp_path)


def test_reused_label_map(tmp_path):
    touch(tmp_path, "clips/shaking_hands/1.mp4", "clips/abseiling/2.mp4")
    labels = ["shaking hands", "abseiling", "zumba"]
    index = index_folder(tmp_path / "clips", labels)
    assert index.labels == labels
    assert [clip.label for clip in index.clips] == ["abseiling", "shaking hands"]
    with pytest.raises(InputError, match="class 'abseiling' of .*clips is not in the label map"):
        index_folder(tmp_path / "clips", ["shaking hands"])


def test_label_map_file(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("b\na b\n")
    assert read_labels(path) == ["b", "a b"]
    for text, fault in (("", "is empty"), ("a\nb\na\n", "names 'a' twice")):
        path.write_text(text)
        with pytest.raises(InputError, match=fault):
            read_labels(path)
    with pytest.raises(InputError, match="cannot read the label map"):
        read_labels(tmp_path / "missing.txt")


def test_fold_label_keeps_case():
    assert fold_label("massaging person's head") == "massaging_persons_head"
    assert fold_label('passing (not in game) "ball"') == "passing_not_in_game_ball"
    assert fold_label("Passing") != fold_label("passing")


def test_kinetics_csv(tmp_path):
    touch(tmp_path, "clips/shaking_hands/-ab_cD_000007_000017.mp4", "clips/abseiling/x_000000_000010.mkv",
          "clips/zumba/lost_000001_000011.mp4", "clips/flat_000002_000012.mp4")
    csv = write_csv(tmp_path, HEADER + "shaking hands,-ab_cD,7,17,val,0\nabseiling,x,0,10,val,1\n"
                                       "abseiling,lost,1,11,val,0\nabseiling,gone,3,13,val,0\n"
                                       "abseiling,flat,2,12,val,0\nabseiling,x,0,10,val,1\nyoga,none,1,2,val,0\n")
    index = index_kinetics_csv(csv, tmp_path / "clips")
    assert index.labels == ["abseiling", "shaking hands", "yoga"]
    assert index.clips == [ClipSpec("abseiling/x_000000_000010.mkv", "abseiling", (0.0, 10.0)),
                           ClipSpec("flat_000002_000012.mp4", "abseiling", (2.0, 12.0)),
                           ClipSpec("shaking_hands/-ab_cD_000007_000017.mp4", "shaking hands", (7.0, 17.0))]
    assert index.missing == [("abseiling/lost_000001_000011.mp4", "no such file, only zumba/lost_000001_000011.mp4"),
                             ("abseiling/gone_000003_000013.mp4", "no such file"),
                             ("yoga/none_000001_000002.mp4", "no such file")]
    assert "1 rows" in index.warnings[0]


def test_kinetics_csv_without_labels(tmp_path):
    touch(tmp_path, "clips/test/x_000000_000010.mp4")
    csv = write_csv(tmp_path, "\ufeffyoutube_id,time_start,time_end,split\nx,0,10,test\n")
    index = index_kinetics_csv(csv, tmp_path / "clips")
    assert index.labels == [] and index.clips == [ClipSpec("test/x_000000_000010.mp4", None, (0.0, 10.0))]


@pytest.mark.parametrize(("text", "fault"), [
    ("label,youtube_id,time_start\na,x,0\n", "lacks the column time_end"),
    ("", "lacks the column youtube_id, time_start, time_end"),
    (HEADER, "holds no row"),
    (HEADER + "a,x,zero,10,val,0\n", "line 2: time_start is 'zero'"),
    (HEADER + "a,x,nan,10,val,0\n", "time_start is 'nan'"),
    (HEADER + "a,x,0\n", "the row has no time_end"),
    (HEADER + "a b,x,0,10,val,0\na_b,y,0,10,val,0\n", "would share a folder"),
    (HEADER + "a,other,0,10,val,0\n", "no clip found: none of the 1 rows"),
])
def test_kinetics_csv_faults(tmp_path, text, fault):
    touch(tmp_path, "clips/a/x_000000_000010.mp4")
    csv = write_csv(tmp_path, text)
    with pytest.raises(InputError, match=fault) as caught:
        index_kinetics_csv(csv, tmp_path / "clips")
    assert "clips.csv" in str(caught.value) and "\n" not in str(caught.value)


def test_missing_csv(tmp_path):
    with pytest.raises(InputError, match="cannot read .*nothing.csv"):
        index_kinetics_csv(tmp_path / "nothing.csv", tmp_path)


def test_real_kinetics_csv(shared, tmp_path):
    """19,906 rows, 400 labels, ids that begin with a dash; a handful of files is there."""
    csv = shared / "annotations" / "kinetics" / "kinetics-400_val.csv"
    touch(tmp_path, "abseiling/0wR5jVB-WPk_000417_000427.mp4", "abseiling/3caPS4FHFF8_000036_000046.mp4")
    index = index_kinetics_csv(csv, tmp_path)
    assert len(index.labels) == 400 and index.labels == sorted(index.labels)
    assert len(index.clips) == 2 and len(index.missing) == 19904
