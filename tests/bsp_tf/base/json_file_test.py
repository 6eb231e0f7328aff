"""JSON in every state of repair."""

import gzip
import json

import numpy as np
import pytest

from bsp_tf.base.errors import InputError
from bsp_tf.base.json_file import read_json, read_json_object, write_json


def test_json_round_trip(tmp_path):
    value = {"name": "Käse \u2713", "list": [1, 2.5, None, True]}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
    assert "\u2713" in (tmp_path / "x.json").read_text(encoding="utf-8")


def test_nan_is_not_written(tmp_path):
    write_json(tmp_path / "x.json", {"a": 1})
    with pytest.raises(ValueError):
        write_json(tmp_path / "x.json", {"a": float("nan")})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}


def test_plain_or_gzipped_whatever_the_name_and_with_a_byte_order_mark(tmp_path):
    for name, data in (("a.json", gzip.compress(b"[1]")), ("b.json.gz", b"\xef\xbb\xbf[1]")):
        (tmp_path / name).write_bytes(data)
        assert read_json(tmp_path / name) == [1]


BROKEN = {
    "empty": b"",
    "cut": b'{"a": ',
    "latin": b'"\xe9"',
    "surrogate": b'"\xed\xa0\x80"',
    "half of a pair of escapes": b'{"a": "\\uD83D"}',
    "deep": b"[" * 100_000,
    "huge number": b"[" + b"9" * 5000 + b"]",
    "cut gzip": gzip.compress(b"[1, 2, 3]")[:-9],
    "gzip with a tail": gzip.compress(b"[1]") + b"tail",
    "magic only": b"\x1f\x8b",
    "gzip of nothing": gzip.compress(b""),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_named_in_one_line(tmp_path, case):
    path = tmp_path / "broken.json"
    path.write_bytes(BROKEN[case])
    with pytest.raises(InputError) as caught:
        read_json(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_places_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match=str(path)):
            read_json(path)


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_in_a_gzipped_file_never_raise_anything_else(tmp_path, seed):
    rng = np.random.default_rng(seed)
    data = gzip.compress(json.dumps({"results": {"a": list(range(200))}}).encode())
    for _ in range(50):
        flipped = bytearray(data)
        for at in rng.integers(2, len(data), rng.integers(1, 4)):
            flipped[at] ^= 1 << int(rng.integers(8))
        (tmp_path / "x.json.gz").write_bytes(flipped)
        try:
            read_json(tmp_path / "x.json.gz")
        except InputError as error:
            assert "x.json.gz" in str(error) and "\n" not in str(error)


def test_a_key_twice_is_named(tmp_path):
    (tmp_path / "x.json").write_text('{"a": {"b": 1, "c": 2, "b": 1}}')
    with pytest.raises(InputError, match=r"x\.json.*'b'"):
        read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text(json.dumps({"a": 1})[:-1] + f', "{"k" * 999}": 1' * 2 + "}")
    with pytest.raises(InputError, match="k{100}") as caught:
        read_json(tmp_path / "x.json")
    assert len(str(caught.value)) < 400


def test_what_an_object_lacks_is_named(tmp_path):
    path = tmp_path / "x.json"
    for value, words in (([1], ""), ({"a": 1}, ".*'b', 'c'")):
        write_json(path, value)
        with pytest.raises(InputError, match=f"x.json{words}"):
            read_json_object(path, "a", "b", "c")
