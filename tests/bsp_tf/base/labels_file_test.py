"""Class names are read as they were written, and those that could not be are refused."""

import pytest
import tensorflow as tf
from hypothesis import example, given
from hypothesis import strategies as st

from bsp_tf.base.errors import InputError
from bsp_tf.base.labels_file import check_label_names, read_label_file, write_label_file
from bsp_tf.records.folder import open_folder
from bsp_tf.records.schema import Clip, encode_clip
from bsp_tf.runs.workdir import read_labels
from tfrecords_tools.inputs import label_map
from tfrecords_tools.inspection.folder_check import check_folder

LINE_BREAKS = ("\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
NAMES = ["a b", " c", "d\t", "Ä", "e#f,\"g'"]


@pytest.mark.parametrize("line_break", LINE_BREAKS)
@pytest.mark.parametrize("form", ["x{}y", "{}x", "x{}"])
def test_a_name_with_a_line_break_is_never_written(tmp_path, line_break, form):
    name = form.format(line_break)
    with pytest.raises(InputError, match="labels.txt"):
        write_label_file(tmp_path / "labels.txt", ["first", name, "last"])
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="clips/train"):
        label_map.match_labels(["first", name, "last"], None, "clips/train")


@pytest.mark.parametrize("name", ["", "  ", "\ud800", "twice"])
def test_other_names_that_cannot_be_written(name):
    with pytest.raises(InputError, match="annotations.json"):
        check_label_names(["twice", name], "annotations.json")


def test_what_is_written_is_read(tmp_path):
    for names in ([], NAMES):
        write_label_file(tmp_path / "labels.txt", names)
        assert read_label_file(tmp_path / "labels.txt") == names


@given(st.lists(st.text(st.characters() | st.sampled_from("\ufeff \r\n\x85"), max_size=4)))
@example(["\ufeffa"])
def test_any_names_are_refused_or_read_as_they_were_written(tmp_path, names):
    path = tmp_path / "labels.txt"
    path.unlink(missing_ok=True)
    try:
        write_label_file(path, names)
    except InputError as error:
        assert not path.exists() and len(str(error).splitlines()) == 1
    else:
        assert read_label_file(path) == names


def test_files_of_other_hands(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_bytes(b"\xef\xbb\xbfa b\r\nc\r\n\r\n")
    assert read_label_file(path) == ["a b", "c"]
    for content, fault in ((b"a\n\nb\n", "line 2"), (b"a\nb\na", "line 3"), (b"\xff\xfe", "UTF-8")):
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"labels.txt.*{fault}"):
            read_label_file(path)
    with pytest.raises(InputError, match="none.txt"):
        read_label_file(tmp_path / "none.txt")


def test_every_reader_ends_lines_at_the_same_place(tmp_path):
    """Files of before may hold such a name; the classes behind it keep their numbers."""
    names = ["jump", "run\u2028fast", "walk"]
    (tmp_path / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    clip = Clip([b"a JPEG"], 2, "walk", 0.0, 0.04, "a.mp4", 25.0, 256, 340)
    with tf.io.TFRecordWriter(str(tmp_path / "clips-00000-of-00001")) as writer:
        writer.write(encode_clip(clip))
    assert list(open_folder(tmp_path).labels) == names
    assert read_labels(tmp_path) == names
    assert check_folder(tmp_path).labels == names
