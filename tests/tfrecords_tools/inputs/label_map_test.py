"""Label maps, the habits of writing labels, and what is refused."""

import pytest

from bsp_tf.base.errors import InputError
from tfrecords_tools.inputs.label_map import fold_label, match_labels, read_labels


def test_label_map_file(tmp_path):
    path = tmp_path / "labels.txt"
    path.write_text("\ufeffb\na b\n\n", encoding="utf-8")
    assert read_labels(path) == ["b", "a b"]
    for text, fault in (("", "labels.txt"), ("a\nb\na\n", "labels.txt.*'a'")):
        path.write_text(text)
        with pytest.raises(InputError, match=fault):
            read_labels(path)
    path.write_bytes(b"\xff\xfe\xfa")
    for broken in (path, tmp_path / "missing.txt"):
        with pytest.raises(InputError, match=str(tmp_path)):
            read_labels(broken)


@pytest.mark.parametrize(
    "folder",
    [
        "massaging person's head",
        "massaging_person's_head",
        "massaging_persons_head",
        "massaging person s head",
        "massaging-persons-head",
    ],
)
def test_all_habits_fold_to_the_same(folder):
    assert fold_label(folder) == fold_label("massaging person's head")


def test_fold_keeps_apart_what_differs_in_letters_or_case():
    assert fold_label("passing American football (in game)") == fold_label(
        "passing_American_football_in_game"
    )
    assert fold_label("passing football (in game)") != fold_label("passing football (not in game)")
    assert fold_label("Passing") != fold_label("passing")
    assert fold_label("cafe\u0301") == fold_label("caf\u00e9") != fold_label("cafe")
    assert fold_label("?!") == "?!"


def test_labels_get_sorted_indices():
    assert match_labels(["b", "B", "a b", "b"], None, "x.csv") == (
        ["B", "a b", "b"],
        {"B": (0, "B"), "a b": (1, "a b"), "b": (2, "b")},
    )


def test_reused_map():
    known = ["shaking hands", "Yoga", "yoga"]
    labels, matched = match_labels(["shaking_hands", "yoga"], known, "x.csv")
    assert labels is known and matched == {
        "shaking_hands": (0, "shaking hands"),
        "yoga": (2, "yoga"),
    }
    with pytest.raises(InputError, match="'zumba' of x.csv"):
        match_labels(["zumba"], known, "x.csv")
    with pytest.raises(InputError, match="'a_b' of x.csv .*'a b' and 'a-b'"):
        match_labels(["a_b"], ["a b", "a-b"], "x.csv")


def test_class_numbers_are_positions():
    labels, matched = match_labels(["10", "2"], None, "list.txt", numbers=True)
    assert labels == [str(number) for number in range(11)] and matched == {
        "10": (10, "10"),
        "2": (2, "2"),
    }
    assert match_labels(["1"], ["walk", "run"], "list.txt", numbers=True)[1] == {"1": (1, "run")}
    assert match_labels(["1"], ["2", "1"], "list.txt", numbers=True)[1] == {"1": (1, "1")}
    assert match_labels(["10", "2"], None, "folder")[0] == ["10", "2"]
    assert match_labels(["2", "a"], None, "list.txt", numbers=True)[0] == ["2", "a"]
    assert match_labels(["1234567"], None, "list.txt", numbers=True)[0] == ["1234567"]
    with pytest.raises(InputError, match="7.* 2 classes"):
        match_labels(["1", "7"], ["walk", "run"], "list.txt", numbers=True)


def test_labels_that_are_no_utf8_are_refused():
    with pytest.raises(InputError, match="x.csv"):
        match_labels(["caf\udce9"], None, "x.csv")
